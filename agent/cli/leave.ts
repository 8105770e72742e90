/** `lanista agent leave --data DIR`: asks the agent that runs on this folder to hand over and leave for good. */
import { randomUUID } from 'node:crypto'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { LeaveReport } from '#protocol/messages/leave.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { formatDuration } from '#protocol/runtime/time.ts'
import { type FiledReport, fileAsk, readReport, withdrawAsk } from '../presence/leave-file.ts'
import type { Command } from './arguments.ts'

/** A running agent takes an ask within two seconds, and says how far it is as often; ms. */
const takenMs = 10_000
const silentMs = 20_000
const lookMs = 250

/** 0 when it has left; 1 when not everything could be handed over, or nobody runs there. */
export async function leave(command: Extract<Command, { kind: 'leave' }>): Promise<number> {
  const id = randomUUID()
  file(command, id)
  const report = await outcomeOf(command, id)
  if (command.json) process.stdout.write(`${JSON.stringify(report)}\n`)
  else process.stdout.write(`${report.state}${restOf(report)}\n`)
  return report.state === 'left' ? 0 : 1
}

function file({ data, deadlineMs, isForced }: Extract<Command, { kind: 'leave' }>, id: string): void {
  try {
    fileAsk(data, { id, deadlineMs, isForced })
  } catch (error) {
    throw new LanistaError('USAGE', `name the data folder of a running agent with --data: ${messageOf(error)}`)
  }
}

async function outcomeOf({ data, deadlineMs }: Extract<Command, { kind: 'leave' }>, id: string): Promise<LeaveReport> {
  const endAtMs = systemClock.monotonic() + deadlineMs + silentMs
  const takenAtMs = systemClock.monotonic() + takenMs
  let told = ''
  while (systemClock.monotonic() < endAtMs) {
    const filed = readReport(data, id)
    if (filed?.refused !== undefined) throw new LanistaError('LEAVE_REFUSED', filed.refused)
    if (filed?.report && filed.report.state !== 'leaving') return filed.report
    told = tell(filed, told)
    if (!filed && systemClock.monotonic() > takenAtMs && withdrawAsk(data)) throw absent(data)
    await systemClock.sleep(lookMs)
  }
  throw new LanistaError('TIMED_OUT', `look into the agent’s log: it said nothing within ${formatDuration(deadlineMs)}`)
}

/** How far it is, on stderr, once each time that it changed. */
function tell(filed: FiledReport | undefined, told: string): string {
  const text = filed?.report ? `leaving${restOf(filed.report)}` : ''
  if (text !== told) process.stderr.write(`lanista agent: ${text}\n`)
  return text
}

function restOf({ toHandOver }: LeaveReport): string {
  const samples = toHandOver.reduce((sum, of) => sum + of.samples, 0)
  return samples === 0
    ? ''
    : `: ${samples} samples of ${toHandOver.map(({ owner }) => owner).join(', ')} not handed over`
}

function absent(data: string): LanistaError {
  return new LanistaError(
    'AGENT_ABSENT',
    `start the agent on ${data}, or name another folder with --data: found nobody who took the request within ${formatDuration(takenMs)}`,
  )
}
