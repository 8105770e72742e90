/**
 * The applications of all tenants: what is in force, what is wanted of each component, and who must know when that changes. A file is
 * applied whole or not at all, the same file twice does nothing, and the versions before can be had again. What follows from an
 * application (monitors on agents, rules, subscriptions, orders) is the work of those who listen.
 */
import type { RegistryChange, RegistryStore } from '#controller/registry/registry-store.ts'
import type { Subscription } from '#controller/subscriptions/subscription.ts'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { MonitorContext } from '#protocol/monitors/model.ts'
import type { Rule } from '#protocol/monitors/rule.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { Turns } from '#protocol/runtime/turns.ts'
import { type ApplicationFile, readApplicationFile } from './application-file.ts'
import { type ApplicationRows, readApplicationRows, type VersionRow } from './application-rows.ts'
import {
  type AppliedApplication,
  applied,
  notFound,
  refuseChanged,
  removalOf,
  removed,
  type Standing,
  scaled,
  type Transition,
} from './application-state.ts'
import { type ApplicationPlan, planOf, wantedAfter } from './plan.ts'
import { type OpenedFile, openApplicationFile } from './secrets.ts'

export interface ApplicationRegistryDeps {
  readonly registry: Pick<RegistryStore, 'list' | 'write'>
  readonly clock: Pick<Clock, 'now'>
  readonly logger: Logger
}

/** What became another, said to those who listen after it is on disk. */
export interface ApplicationChange {
  readonly tenant: string
  readonly application: string
  /**
   * `applied` and `removed` change files and perhaps counts, `scaled` a count alone; `secrets` = what is in force was applied again with
   * secrets, which may be others than before.
   */
  readonly kind: 'applied' | 'removed' | 'scaled' | 'secrets'
  /** Of the tenant's set, now. */
  readonly generation: number
  /** What changed. */
  readonly plan: ApplicationPlan
  /** As they are now, with the secrets that were just given; undefined where they stay as they were. */
  readonly subscriptions?: readonly Subscription[] | undefined
}

export interface ApplyOutcome {
  readonly plan: ApplicationPlan
  /** Of the application: 0 when it was removed. */
  readonly generation: number
  readonly isChanged: boolean
}

/** Puts secrets onto the disk; what it resolves with takes them back. */
export type KeepSecrets = (tenant: string, subscriptions: readonly Subscription[]) => Promise<() => Promise<void>>

/** Refuses with APPLICATION_CHANGED where another generation of the application is in force; 0 = none; undefined = any. */
export interface Expecting {
  readonly generation?: number | undefined
}

/** Another count of a component. */
export interface Scale {
  readonly application: string
  readonly component: string
  /** Refused with COUNT_CHANGED where it is another; undefined = whatever it is. */
  readonly from?: number | undefined
  readonly to: number
}

/** Applications of one tenant. */
const applicationsMax = 1000
/** Changes waiting for their turn. */
const waitingMax = 64

export class ApplicationRegistry {
  readonly #deps: ApplicationRegistryDeps
  /** By `tenant/name`. */
  readonly #applied = new Map<string, AppliedApplication>()
  readonly #generations: Map<string, number>
  readonly #listeners = new Set<(change: ApplicationChange) => void>()
  readonly #turns = new Turns({ atOnceMax: 1, waitingMax })
  #keepSecrets: KeepSecrets | undefined

  private constructor(deps: ApplicationRegistryDeps, generations: Map<string, number>) {
    this.#deps = deps
    this.#generations = generations
  }

  /** Reads what was applied. A file that cannot be read any more is kept and logged; it runs nothing until it is applied anew. */
  static async open(deps: ApplicationRegistryDeps): Promise<ApplicationRegistry> {
    const { applications, generations } = await readApplicationRows(deps.registry)
    const opened = new ApplicationRegistry(deps, generations)
    for (const rows of applications) opened.#take(rows)
    return opened
  }

  /** Higher after each apply and remove of the tenant: which set of monitors, rules and subscriptions it is. */
  generation(tenant: string): number {
    return this.#generations.get(tenant) ?? 0
  }

  /** In order of their names. */
  list(tenant: string): AppliedApplication[] {
    const own = [...this.#applied.values()].filter((application) => application.tenant === tenant)
    return own.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  get(tenant: string, name: string): AppliedApplication | undefined {
    return this.#applied.get(`${tenant}/${name}`)
  }

  /** Monitors by application, for the agents and the controller's own evaluation; those that rules need are among them. */
  contexts(tenant: string): MonitorContext[] {
    return this.#files(tenant).map(({ name, monitors }) => ({ application: name, monitors }))
  }

  /** Every rule of the tenant with its application. */
  rules(tenant: string): { readonly application: string; readonly rule: Rule }[] {
    return this.#files(tenant).flatMap(({ name, rules }) => rules.map((rule) => ({ application: name, rule })))
  }

  /** Every subscription that a file says; each names its application. */
  subscriptions(tenant: string): Subscription[] {
    return this.#files(tenant).flatMap(({ subscriptions }) => subscriptions)
  }

  /** Instances wanted of a component; undefined = there is no such component. */
  wanted(tenant: string, application: string, component: string): number | undefined {
    return this.get(tenant, application)?.wanted.get(component)
  }

  /** Calls `listener` after each change, in their order, until the returned function is called. What it throws is logged. */
  onChange(listener: (change: ApplicationChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Lets `keep` have the secrets of a file before the file is in force: what it throws refuses the file, undefined = nobody does any more. */
  keepSecretsWith(keep: KeepSecrets | undefined): void {
    this.#keepSecrets = keep
  }

  /** What applying the file would change now. */
  plan(tenant: string, file: ApplicationFile): ApplicationPlan {
    const before = this.get(tenant, file.name)
    return planOf(before?.file, file, before?.wanted ?? new Map())
  }

  /** What removing it would change now. Throws NOT_FOUND. */
  planRemoval(tenant: string, name: string): ApplicationPlan {
    return removalOf(this.#require(tenant, name))
  }

  /**
   * Puts the file in force, synced to disk before it counts. Text that means what is in force already is kept in its place and changes nothing else.
   * @throws LanistaError APPLICATION_INVALID, APPLICATION_CHANGED, APPLICATIONS_LIMIT, BUSY, REGISTRY_WRITE_FAILED, SECRETS_UNWRITABLE:
   * nothing changed then
   */
  async apply(tenant: string, text: string, expecting: Expecting, signal: AbortSignal): Promise<ApplyOutcome> {
    const opened = openApplicationFile(text, 'file')
    return this.#turns.run(() => this.#apply(tenant, opened, expecting), signal)
  }

  /** Takes the application away with its versions and counts. Throws NOT_FOUND, APPLICATION_CHANGED, BUSY, REGISTRY_WRITE_FAILED. */
  async remove(tenant: string, name: string, expecting: Expecting, signal: AbortSignal): Promise<ApplyOutcome> {
    return this.#turns.run(() => this.#remove(tenant, name, expecting), signal)
  }

  /**
   * Wants another count of a component, in one write with the rows that say why; only if it is `from` still, where that is given.
   * @throws LanistaError NOT_FOUND, COUNT_OUT_OF_BOUNDS (below `min` or above `max`), COUNT_CHANGED, BUSY, REGISTRY_WRITE_FAILED: nothing
   * changed then
   */
  async scale(
    tenant: string,
    { application, component, from, to }: Scale,
    signal: AbortSignal,
    because: readonly RegistryChange[] = [],
  ): Promise<{ readonly from: number; readonly to: number }> {
    return this.#turns.run(async () => {
      const standing = this.#standing(tenant, application)
      const made = scaled(standing, component, { from, to }, because)
      await this.#make('scaled', standing, made)
      return { from: made.from, to }
    }, signal)
  }

  #standing(tenant: string, name: string): Standing {
    return { tenant, name, before: this.get(tenant, name), generation: this.generation(tenant) }
  }

  async #apply(tenant: string, opened: OpenedFile, { generation }: Expecting): Promise<ApplyOutcome> {
    const { text, file, subscriptions, hasSecrets } = opened
    const standing = this.#standing(tenant, file.name)
    refuseChanged(standing, generation)
    if (!standing.before && this.list(tenant).length >= applicationsMax) throw tooMany()
    const made = applied(standing, text, file, this.#deps.clock.now())
    const kind = !made.isChanged && hasSecrets ? 'secrets' : 'applied'
    const takeBack = hasSecrets ? await this.#keepSecrets?.(tenant, subscriptions) : undefined
    try {
      return await this.#make(kind, standing, made, subscriptions)
    } catch (error) {
      await takeBack?.()
      throw error
    }
  }

  async #remove(tenant: string, name: string, expecting: Expecting): Promise<ApplyOutcome> {
    this.#require(tenant, name)
    const standing = this.#standing(tenant, name)
    refuseChanged(standing, expecting.generation)
    return this.#make('removed', standing, removed(standing), [])
  }

  /** Writes the transition, then makes it the state, then says so. */
  async #make(
    kind: ApplicationChange['kind'],
    { tenant, name }: Standing,
    made: Transition,
    subscriptions?: readonly Subscription[],
  ): Promise<ApplyOutcome> {
    const { after, plan, isChanged, generation, rows } = made
    await this.#deps.registry.write(rows, { sync: true })
    if (after) this.#applied.set(`${tenant}/${name}`, after)
    else this.#applied.delete(`${tenant}/${name}`)
    this.#generations.set(tenant, generation)
    if (isChanged || kind === 'secrets') {
      this.#say({ tenant, application: name, kind, generation, plan, subscriptions })
    }
    return { plan, generation: after?.generation ?? 0, isChanged }
  }

  #files(tenant: string): ApplicationFile[] {
    return this.list(tenant).flatMap(({ file }) => file ?? [])
  }

  #require(tenant: string, name: string): AppliedApplication {
    const found = this.get(tenant, name)
    if (!found)
      throw notFound(
        name,
        this.list(tenant).map((application) => application.name),
      )
    return found
  }

  #take({ tenant, name, versions, wanted }: ApplicationRows): void {
    const newest = versions.at(-1) as VersionRow
    const shared = { tenant, name, ...newest, wanted, versions }
    this.#generations.set(tenant, Math.max(this.generation(tenant), newest.generation))
    try {
      const file = readApplicationFile(newest.text, name)
      this.#applied.set(`${tenant}/${name}`, { ...shared, file, wanted: wantedAfter(file.components, wanted) })
    } catch (error) {
      this.#deps.logger.error({ tenant, application: name, error: messageOf(error) }, 'application_unreadable')
      this.#applied.set(`${tenant}/${name}`, { ...shared, problem: messageOf(error) })
    }
  }

  #say(change: ApplicationChange): void {
    const { tenant, application, kind, generation } = change
    this.#deps.logger.info({ tenant, application, generation }, `application_${kind}`)
    for (const listener of this.#listeners) {
      try {
        listener(change)
      } catch (error) {
        this.#deps.logger.error({ application, error: messageOf(error) }, 'application_listener_failed')
      }
    }
  }
}

function tooMany(): LanistaError {
  const message = `remove an application first: found ${applicationsMax}, expected less`
  return new LanistaError('APPLICATIONS_LIMIT', message, { data: { applicationsMax } })
}
