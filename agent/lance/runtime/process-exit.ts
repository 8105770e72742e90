/** How a process ended, as a shell tells it. */
import { constants, uptime } from 'node:os'
import type { ProcessExit } from './instance-runtime.ts'

/** Ended, and nobody saw how: its supervisor was killed, or the machine restarted. */
export const unseenExit: ProcessExit = { code: null, signal: null, isOutOfMemory: false }

/** When this machine started, epoch ms: what ended before was ended by its shutdown. */
export function bootMs(nowMs: number): number {
  return nowMs - uptime() * 1000
}

/** A shell's status: above 128 it is a signal's number, as long as there is such a signal. */
export function exitOfStatus(status: number, isOutOfMemory = false): ProcessExit {
  const signal = status > 128 ? signalOf(status - 128) : undefined
  return { code: signal === undefined ? status : null, signal: signal ?? null, isOutOfMemory }
}

function signalOf(number: number): string | undefined {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0]
}
