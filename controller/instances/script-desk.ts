/**
 * Scripts of generic services, as users ask for them: on all members or on none (seed-systems §7.6). `run` and `cleanup` are announced to every member
 * first; one where something runs refuses, and then nothing begins anywhere.
 */
import type { OrderRow } from '#controller/orders/order-row.ts'
import type { OrderService } from '#controller/orders/order-service.ts'
import { newId } from '#controller/query/holder.ts'
import { isLanistaError, LanistaError, messageOf } from '#protocol/errors.ts'
import { type InstanceScript, instanceVerbs } from '#protocol/instances/instance-orders.ts'
import type { AskedScript, ScriptStatuses } from '#protocol/instances/scripts.ts'
import { parseHostId } from '#protocol/subjects/subject.ts'
import { type Fleet, statusOf, type WantedComponent } from './fleet.ts'
import { type InstanceRecord, instanceName } from './instance-record.ts'
import type { Membership } from './membership.ts'

type Watched = Pick<Fleet, 'components' | 'hosts' | 'memberships' | 'records'>

export interface ScriptDeskDeps {
  readonly fleet: () => Watched
  readonly orders: Pick<OrderService, 'call'>
}

/** One instance of a service. */
export interface ServiceInstance {
  readonly name: string
  readonly cloud: string
  readonly host: string
  readonly role: 'master' | 'node'
  /** It has come up once, and counts: scripts run there. */
  readonly isMember: boolean
  /** Undefined while its host says nothing. */
  readonly scripts: ScriptStatuses | undefined
}

export interface ServiceView {
  /** 0 before there was a master. */
  readonly term: number
  readonly instances: readonly ServiceInstance[]
}

/** On which members a request was done, by name, and on which not. */
export interface ScriptsAsked {
  readonly request: string
  readonly done: readonly string[]
  readonly failed: readonly { readonly name: string; readonly reason: string }[]
}

interface Told {
  readonly record: InstanceRecord
  /** Undefined = it did what was asked. */
  readonly code?: string | undefined
  readonly reason: string
}

/** How long a member may take to answer, ms: the hold lasts longer than two of them. */
const answerMs = 10_000

export class ScriptDesk {
  readonly #deps: ScriptDeskDeps

  constructor(deps: ScriptDeskDeps) {
    this.#deps = deps
  }

  /** Every instance of a service and its scripts. Throws NOT_FOUND, SERVICE_UNKNOWN. */
  view(application: string, component: string): ServiceView {
    const fleet = this.#deps.fleet()
    const { membership, records } = find(fleet, application, component)
    const members = new Set(membership?.joined.map(({ id }) => id))
    const instances = records.map((record): ServiceInstance => {
      const { cloud, host } = parseHostId(record.host)
      const status = statusOf(record, fleet)
      return {
        name: instanceName(record),
        cloud,
        host,
        role: record.id === membership?.master.id ? 'master' : 'node',
        isMember: members.has(record.id),
        scripts: status === 'unknown' ? undefined : status === 'absent' ? {} : (status.scripts ?? {}),
      }
    })
    return { term: membership?.term ?? 0, instances }
  }

  /**
   * Has a script run on all members, or interrupted where one runs.
   * @param parameters undefined = those of the component
   * @throws LanistaError NOT_FOUND, SERVICE_UNKNOWN, SERVICE_NOT_RUNNING (a member, or all), SCRIPT_RUNNING (where, and which), NO_SCRIPT_RUNS,
   *   HOST_UNAVAILABLE (a member is silent), and as OrderService.call
   */
  async ask(
    application: string,
    component: string,
    script: AskedScript,
    parameters: readonly string[] | undefined,
    signal: AbortSignal,
  ): Promise<ScriptsAsked> {
    const members = this.#members(application, component)
    const request = newId()
    const tell = (ask: Omit<InstanceScript, 'id'>, to: readonly InstanceRecord[]): Promise<readonly Told[]> =>
      Promise.all(to.map((record) => this.#tell(record, { id: record.id, ...ask }, signal)))
    if (script === 'interrupt') {
      return interrupted(request, await tell({ action: script, request, parameters }, members))
    }
    const held = await tell({ action: 'hold', request }, members)
    const refused = held.filter(({ code }) => code !== undefined)
    if (refused.length > 0) {
      const others = held.filter(({ code }) => code === undefined).map(({ record }) => record)
      await tell({ action: 'release', request }, others)
      throw refusal(refused, `${script} ${application}/${component}`)
    }
    return outcome(request, await tell({ action: script, request, parameters }, members))
  }

  #members(application: string, component: string): InstanceRecord[] {
    const { membership, records } = find(this.#deps.fleet(), application, component)
    const joined = new Set(membership?.joined.map(({ id }) => id))
    const members = records.filter(({ id }) => joined.has(id))
    if (members.length > 0) return members
    const found = records.map(instanceName).join(', ') || 'no instances'
    throw new LanistaError(
      'SERVICE_NOT_RUNNING',
      `ask again once it runs: found ${found}, expected one of ${application}/${component} that has come up`,
    )
  }

  async #tell(record: InstanceRecord, body: InstanceScript, signal: AbortSignal): Promise<Told> {
    const ask = { target: parseHostId(record.host), verb: instanceVerbs.script, body }
    try {
      return toldBy(record, await this.#deps.orders.call(ask, answerMs, signal))
    } catch (error) {
      signal.throwIfAborted()
      const code = isLanistaError(error) ? error.code : 'ORDER_FAILED'
      return { record, code, reason: messageOf(error) }
    }
  }
}

function toldBy(record: InstanceRecord, { state, code, reason }: OrderRow): Told {
  if (state === 'done') return { record, reason: '' }
  return { record, code: code ?? 'ORDER_FAILED', reason: reason ?? `its order was ${state}` }
}

function outcome(request: string, told: readonly Told[]): ScriptsAsked {
  const failed = told.filter(({ code }) => code !== undefined)
  const done = told.filter(({ code }) => code === undefined)
  return {
    request,
    done: done.map(({ record }) => instanceName(record)),
    failed: failed.map(({ record, reason }) => ({ name: instanceName(record), reason })),
  }
}

/** Where nothing runs there is nothing to interrupt; that nothing runs anywhere is a refusal. */
function interrupted(request: string, told: readonly Told[]): ScriptsAsked {
  const meant = told.filter(({ code }) => code !== 'NO_SCRIPT_RUNS')
  if (meant.length === 0) throw refusal(told, 'interrupt')
  return outcome(request, meant)
}

/** The first code is the one to look at: a script that runs before all others. */
function refusal(told: readonly Told[], doing: string): LanistaError {
  const first = told.find(({ code }) => code === 'SCRIPT_RUNNING') ?? told[0]
  const found = told.map(({ record, reason }) => `${instanceName(record)} on ${record.host}: ${reason}`).join('; ')
  return new LanistaError(first?.code ?? 'ORDER_FAILED', `${doing} later: ${found}`)
}

/** A service with its instances, the oldest first. */
function find(
  { components, memberships, records }: Watched,
  application: string,
  component: string,
): { readonly membership: Membership | undefined; readonly records: InstanceRecord[] } {
  const isIt = (one: WantedComponent): boolean => one.application === application && one.component.name === component
  const found = components.find(isIt)
  const name = `${application}/${component}`
  if (!found?.component.service) {
    const services = components.filter((one) => one.component.service)
    const known = services.map((one) => `${one.application}/${one.component.name}`).slice(0, 20)
    const expected = known.length === 0 ? 'expected a component with a service' : `expected one of ${known.join(', ')}`
    if (!found) throw new LanistaError('NOT_FOUND', `name another component: found no ${name}, ${expected}`)
    throw new LanistaError('SERVICE_UNKNOWN', `give ${name} a service, or name another: found none, ${expected}`)
  }
  const live = [...records.values()].filter(
    (record) => record.application === application && record.component === component && !record.isLeaving,
  )
  return { membership: memberships.get(name), records: live.toSorted((a, b) => a.number - b.number) }
}
