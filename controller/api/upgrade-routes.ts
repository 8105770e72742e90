/** `/api/v1/upgrades`: agents replaced by newer ones, a few hosts at a time. */
import * as z from 'zod'
import { type PossibleHost, planHosts } from '#controller/query/plan.ts'
import type { UpgradeHost, UpgradeRow } from '#controller/upgrade/upgrade-row.ts'
import type { UpgradeService, UpgradeWish } from '#controller/upgrade/upgrade-service.ts'
import { LanistaError } from '#protocol/errors.ts'
import { parseDuration } from '#protocol/runtime/time.ts'
import { hostIdOf, parseHostId } from '#protocol/subjects/subject.ts'
import { gateSecondsDefault, gateSecondsMax } from '#protocol/upgrade/upgrade-ask.ts'
import type { Parameters } from './parameters.ts'
import type { Route } from './route.ts'

export interface UpgradeRoutesDeps {
  readonly upgrades: UpgradeService
  readonly hosts: () => Iterable<PossibleHost>
  /** Whose hosts the operator may upgrade. */
  readonly tenant: string
}

/** Hosts at once, unless said otherwise and at most. */
const batch = { usual: 1, max: 1000 }
/** How long an order may wait for its host, ms, and at most. */
const within = { usualMs: 3_600_000, maxMs: 604_800_000 }
/** An archive on its way in may be silent for so long, ms. */
const quietMs = 60_000

const known = z.string().nullable()
const shape = z.strictObject({
  id: z.string(),
  version: z.string(),
  sha256: z.string(),
  state: z.enum(['running', 'done', 'stopped']).describe('stopped: a host failed, or an operator said so'),
  began_ms: z.number(),
  ended_ms: z.number().nullable(),
  hosts: z.array(
    z.strictObject({
      host: z.string(),
      cloud: z.string(),
      state: z.enum(['waiting', 'ordered', 'done', 'failed', 'skipped']),
      order: known,
      code: known,
      reason: known,
    }),
  ),
})
const text = z.string().min(1).max(1024).optional()
const id = z.string().max(64)
const path = '/api/v1/upgrades'

export function upgradeRoutes(deps: UpgradeRoutesDeps): Route[] {
  const { upgrades } = deps
  return [
    {
      path,
      summary: 'Upgrades of agents, the newest first.',
      parameters: z.object({}),
      answer: z.array(shape),
      handle: () => ({ body: upgrades.rows().map(viewOf) }),
    },
    {
      path: `${path}/:id`,
      summary: 'One upgrade, host by host.',
      parameters: z.object({ id }),
      answer: shape,
      handle: ({ id = '' }) => ({ body: viewOf(upgrades.get(id)) }),
    },
    {
      path,
      method: 'POST',
      takes: { bytesMax: 1024, types: ['application/gzip'] },
      quietMs,
      summary:
        'Upgrades the agents of these hosts to the bundle in the body: one first, then batch by batch, until one fails.',
      parameters: z.object({
        host: text.describe('names of hosts, or globs, with commas between them; default all'),
        cloud: text.describe('of this cloud, or a glob'),
        batch: text.describe(`hosts at once, default ${batch.usual}`),
        gate: text.describe('time from a start to its confirmation, default 1m'),
        within: text.describe('how long an order may wait for its host, default 1h'),
        force: text.describe('1 = also to a version that may not read what is there'),
      }),
      answer: shape,
      handle: async (parameters, signal, { bytes }) => {
        const wish = wishOf(deps, parameters)
        if (!bytes) throw new LanistaError('BODY_INVALID', 'send the bundle as application/gzip: found none')
        return { status: 202, body: viewOf(await upgrades.begin(bytes, wish, signal)) }
      },
    },
    {
      path: `${path}/:id`,
      method: 'DELETE',
      summary: 'Ends an upgrade: who has an order finishes, nobody else gets one.',
      parameters: z.object({ id }),
      answer: shape,
      handle: async ({ id = '' }) => ({ body: viewOf(await upgrades.stop(id)) }),
    },
  ]
}

/** An upgrade as the API shows it. */
function viewOf({ id, version, sha256, state, beganMs, endedMs, hosts }: UpgradeRow): z.infer<typeof shape> {
  return {
    id,
    version,
    sha256,
    state,
    began_ms: beganMs,
    ended_ms: endedMs ?? null,
    hosts: hosts.map(({ target, state, order, code, reason }) => {
      const { cloud, host } = parseHostId(target)
      return { host, cloud, state, order: order ?? null, code: code ?? null, reason: reason ?? null }
    }),
  }
}

function wishOf(deps: UpgradeRoutesDeps, parameters: Parameters): UpgradeWish {
  const { gate, force } = parameters
  const gateSeconds = gate === undefined ? gateSecondsDefault : Math.ceil(parseDuration(gate) / 1000)
  const lifetimeMs = parameters['within'] === undefined ? within.usualMs : parseDuration(parameters['within'])
  expectUpTo('gate', gateSeconds, gateSecondsMax)
  expectUpTo('within', lifetimeMs, within.maxMs)
  return {
    hosts: hostsOf(deps, parameters),
    batch: batchOf(parameters['batch']),
    gateSeconds,
    lifetimeMs,
    isForced: force === '1',
  }
}

/** Each name must mean somebody. Throws HOST_UNKNOWN. */
function hostsOf({ hosts, tenant }: UpgradeRoutesDeps, { host, cloud }: Parameters): readonly UpgradeHost[] {
  const all = [...hosts()]
  const states = new Map(all.map(({ address, state }) => [hostIdOf(address), state]))
  const found = (host?.split(',') ?? [undefined]).flatMap((name) => {
    const planned = planHosts(all, { tenant, host: name, cloud }).map(({ owner }) => hostIdOf(owner))
    const present = name === undefined ? planned.filter((target) => states.get(target) !== 'left') : planned
    if (present.length > 0) return present
    throw new LanistaError('HOST_UNKNOWN', `name other hosts: found none that match ${name ?? cloud ?? 'all'}`)
  })
  return [...new Set(found)].toSorted().map((target): UpgradeHost => {
    const state = states.get(target)
    if (state === 'online' || state === 'suspect') return { target, state: 'waiting' }
    return { target, state: 'skipped', code: 'HOST_UNAVAILABLE', reason: `it is ${state}` }
  })
}

function batchOf(text: string | undefined): number {
  if (text === undefined) return batch.usual
  if (!/^[1-9]\d{0,3}$/.test(text))
    throw new LanistaError('QUERY_INVALID', `change batch: found ${text}, expected 1 to ${batch.max}`)
  expectUpTo('batch', Number(text), batch.max)
  return Number(text)
}

function expectUpTo(name: string, value: number, max: number): void {
  if (value >= 1 && value <= max) return
  throw new LanistaError('QUERY_INVALID', `change ${name}: found ${value}, expected 1 to ${max}`)
}
