import { z } from 'zod'
import { LanistaError } from '#protocol/errors.ts'
import { leaveMsDefault } from '#protocol/messages/leave.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { parseDuration } from '#protocol/runtime/time.ts'
import { type HostAnswer, parseAnswer, parseHosts } from './answers.ts'
import type { ControllerClient } from './client.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { hostTableLines } from './host-table.ts'
import { printable } from './table.ts'
import type { Terminal } from './terminal.ts'
import { upgradeSchema, upgradesPath, upgradeText } from './upgrade.ts'

export interface HostsLeaveFlags extends SharedFlags {
  readonly cloud?: string | undefined
  readonly deadline?: string | undefined
  readonly force?: boolean | undefined
}

/** What a host that is to leave says, as `POST /api/v1/hosts/leave` passes it on. */
export interface LeaveAnswer {
  readonly host: string
  readonly cloud: string
  readonly state: 'leaving' | 'left' | 'stayed'
  readonly to_hand_over: readonly { readonly owner: string; readonly samples: number }[]
}

const leaveSchema: z.ZodType<LeaveAnswer> = z.object({
  host: z.string(),
  cloud: z.string(),
  state: z.enum(['leaving', 'left', 'stayed']),
  to_hand_over: z.array(z.object({ owner: z.string(), samples: z.number() })),
})

/** Hosts named in one line. */
const namedMax = 10
/** An answer says after ten seconds how far it is; the client waits longer, ms. */
const answerMs = 40_000

/** `lanista hosts`: every host the controller knows, with its state and vital signs. */
export async function runHosts(flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.get('/api/v1/hosts', {}, terminal.stop)
  if (flags.json) writeJson(terminal, answer)
  else {
    showHosts(parseHosts(answer), terminal)
    await showUpgrade(client, terminal)
  }
  return 0
}

/** On stderr how far the newest upgrade is, while it is under way or where it did not get through. */
async function showUpgrade(client: ControllerClient, terminal: Terminal): Promise<void> {
  const answer = await client.get(upgradesPath, {}, terminal.stop)
  const [newest] = parseAnswer(z.array(upgradeSchema), answer, 'upgrades')
  if (newest && newest.state !== 'done') terminal.note(`lanista: ${upgradeText(newest)}`)
}

/** The table; on stderr whose stores cannot write, and who does not compute the newest monitors yet. */
function showHosts(hosts: readonly HostAnswer[], terminal: Terminal): void {
  terminal.write(`${hostTableLines(hosts, Date.now()).join('\n')}\n`)
  const faulted = hosts.filter(({ store_fault: fault, state }) => fault && state === 'online')
  if (faulted.length > 0) {
    const names = faulted.slice(0, namedMax).map(({ cloud, id, store_fault: fault }) => `${cloud}.${id} (${fault})`)
    terminal.note(printable(`lanista: ${faulted.length} stores cannot write, samples are dropped: ${names.join(', ')}`))
  }
  const behind = hosts.filter(({ monitors, state }) => monitors === 'behind' && state === 'online')
  if (behind.length === 0) return
  const names = behind.slice(0, namedMax).map(({ cloud, id }) => `${cloud}.${id}`)
  terminal.note(printable(`lanista: ${behind.length} hosts compute an older set of monitors: ${names.join(', ')}`))
}

/** `lanista hosts leave`: one host hands over and leaves for good. 1 when not all could be handed over in time: then it stays. */
export async function runHostsLeave(host: string, flags: HostsLeaveFlags, terminal: Terminal): Promise<ExitCode> {
  const { cloud, deadline, force } = flags
  const client = await openClient(flags, terminal, answerMs)
  const endAtMs =
    systemClock.monotonic() + (deadline === undefined ? leaveMsDefault : parseDuration(deadline)) + answerMs
  const params = { host, cloud, deadline, force: force ? '1' : undefined }
  let told = ''
  while (systemClock.monotonic() < endAtMs) {
    const { value } = await client.postToHosts('/api/v1/hosts/leave', params, terminal.stop)
    const answer = parseAnswer(leaveSchema, value, 'leave')
    if (answer.state !== 'leaving') {
      if (flags.json) writeJson(terminal, value)
      else terminal.write(`${leaveText(answer)}\n`)
      return answer.state === 'left' ? 0 : 1
    }
    if (leaveText(answer) !== told) terminal.note(`lanista: ${leaveText(answer)}`)
    told = leaveText(answer)
  }
  throw new LanistaError('TIMED_OUT', `look into the log of ${host}: it is still leaving, expected an outcome by now`)
}

/** One line: what became of the host, and what others still lack. */
export function leaveText({ cloud, host, state, to_hand_over: rest }: LeaveAnswer): string {
  const samples = rest.reduce((sum, of) => sum + of.samples, 0)
  const lacking = `${samples} samples of ${rest.map(({ owner }) => owner).join(', ')} not handed over`
  return printable(`${cloud}.${host} ${state}${samples === 0 ? '' : `: ${lacking}`}`)
}
