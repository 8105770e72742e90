/** `lanista drain`: a host is emptied, its instances leaving as others take their place. */
import { z } from 'zod'
import { LanistaError } from '#protocol/errors.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { parseDuration } from '#protocol/runtime/time.ts'
import { parseAnswer } from './answers.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { printable } from './table.ts'
import type { Terminal } from './terminal.ts'

export interface DrainFlags extends SharedFlags {
  readonly cloud?: string | undefined
  readonly deadline?: string | undefined
  readonly cancel?: boolean | undefined
  readonly wait?: boolean | undefined
}

const drainSchema = z.object({
  host: z.string(),
  cloud: z.string(),
  is_drained: z.boolean(),
  instances: z.array(z.string()),
})
const lookMs = 1000
/** How long it waits at most for a host that has no deadline, and beyond one, ms. */
const patienceMs = 600_000

/** 0 when the host is empty, or is drained no more; TIMED_OUT when it is not empty in time. */
export async function runDrain(host: string, flags: DrainFlags, terminal: Terminal): Promise<ExitCode> {
  const { cloud, deadline, cancel, wait } = flags
  const client = await openClient(flags, terminal)
  const path = '/api/v1/hosts/drain'
  const first = { host, cloud, deadline, cancel: cancel ? '1' : undefined }
  const endMs = systemClock.monotonic() + (deadline === undefined ? 0 : parseDuration(deadline)) + patienceMs
  let told = ''
  for (let params = first; systemClock.monotonic() < endMs; params = { ...first, deadline: undefined }) {
    const answer = await client.send('POST', path, params, undefined, terminal.stop)
    const state = parseAnswer(drainSchema, answer, 'drain')
    const says = sayingOf(state)
    if (!state.is_drained || state.instances.length === 0 || !wait) {
      if (flags.json) writeJson(terminal, answer)
      else terminal.write(`${says}\n`)
      return 0
    }
    if (says !== told) terminal.note(`lanista: ${says}`)
    told = says
    await systemClock.sleep(lookMs, terminal.stop)
  }
  throw new LanistaError(
    'TIMED_OUT',
    `look at lanista instances --host ${host}: it is not empty, expected it to be by now`,
  )
}

function sayingOf({ cloud, host, is_drained: isDrained, instances }: z.infer<typeof drainSchema>): string {
  const there = instances.length === 0 ? 'empty' : `${instances.join(', ')} still there`
  return printable(`${cloud}.${host} ${isDrained ? `drained: ${there}` : 'may have instances'}`)
}
