import { LanistaError } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { hostIdOf } from '#protocol/subjects/subject.ts'
import type { OperatorCredential } from './credentials.ts'
import type { FleetPlan } from './plan.ts'

/** What `lanista up --json` prints when everything answers. */
export interface ReadyLine {
  readonly event: 'ready'
  readonly http: string
  readonly broker: string
  /** With `--leaves`: what the agents of a cloud dial, by cloud. */
  readonly leaves?: Readonly<Record<string, string>> | undefined
  readonly carbon: readonly string[]
  readonly operator: OperatorCredential
}

/** The part of a host's state that readiness looks at. */
export interface SeenHost {
  readonly tenant: string
  readonly cloud: string
  readonly id: string
  readonly state: string
}

/** Longest time until every agent is online, ms. */
const readyDeadlineMs = 60_000
const pollMs = 25

/** Ids of planned hosts that are not online yet. */
export function missingHosts(plan: Pick<FleetPlan, 'hosts'>, seen: readonly SeenHost[]): string[] {
  const online = new Set(
    seen
      .filter(({ state }) => state === 'online')
      .map(({ tenant, cloud, id }) => hostIdOf({ tenant, cloud, host: id })),
  )
  return plan.hosts.map(({ address }) => hostIdOf(address)).filter((id) => !online.has(id))
}

/**
 * Resolves when the controller has every planned agent online.
 * @throws LanistaError NOT_READY naming who is missing; the signal's reason
 */
export async function waitForHosts(
  plan: Pick<FleetPlan, 'hosts'>,
  hosts: () => readonly SeenHost[],
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const until = clock.monotonic() + readyDeadlineMs
  for (;;) {
    const missing = missingHosts(plan, hosts())
    if (missing.length === 0) return
    if (clock.monotonic() >= until) throw notReady(missing)
    await clock.sleep(pollMs, signal)
  }
}

/** Asks the REST API once, as a client would. Throws NOT_READY. */
export async function expectHealth(httpUrl: string, token: string, signal: AbortSignal): Promise<void> {
  const headers = { authorization: `Bearer ${token}` }
  const response = await fetch(new URL('/api/v1/health', httpUrl), { headers, signal })
  if (!response.ok) throw notReady([`${httpUrl} (HTTP ${response.status})`])
  await response.arrayBuffer()
}

function notReady(missing: readonly string[]): LanistaError {
  return new LanistaError(
    'NOT_READY',
    `look at the log above: found no answer of ${missing.join(', ')} within ${readyDeadlineMs / 1000} s, expected everything to be online`,
    { data: { missing } },
  )
}
