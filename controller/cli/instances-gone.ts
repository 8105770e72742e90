/** Waits until nothing of a removed application runs any more. */
import { z } from 'zod'
import { systemClock } from '#protocol/runtime/clock.ts'
import { parseAnswer } from './answers.ts'
import type { ControllerClient } from './client.ts'
import type { ExitCode } from './exit-code.ts'
import { instanceSchema } from './instance-answers.ts'
import { instancesPath } from './instances.ts'
import { printable } from './table.ts'
import type { Terminal } from './terminal.ts'

const lookMs = 500
/** Handlers that stop may take their time, ms. */
const patienceMs = 600_000

/** 0 once nothing is left; 1 when what is left is on hosts that are silent, or does not go: the controller goes on. */
export async function waitUntilGone(
  client: ControllerClient,
  application: string,
  terminal: Terminal,
): Promise<ExitCode> {
  const endMs = systemClock.monotonic() + patienceMs
  let told = ''
  for (;;) {
    const answer = await client.get(instancesPath, { application }, terminal.stop)
    const left = parseAnswer(z.array(instanceSchema), answer, 'instances')
    if (left.length === 0) return 0
    const says = left.map(({ name, host, state }) => `${name} ${state} on ${host}`).join(', ')
    if (says !== told) terminal.note(printable(`lanista: still there: ${says}`))
    told = says
    const isSilent = left.every(({ state }) => state === 'unknown')
    if (isSilent || systemClock.monotonic() >= endMs) {
      terminal.note('lanista: the rest is removed as soon as its hosts do so: see lanista instances')
      return 1
    }
    await systemClock.sleep(lookMs, terminal.stop)
  }
}
