/**
 * Runs the instances that are ordered on this host: one keeper each, whatever is ordered of it brought to its life cycle, whatever becomes
 * of it told. It works on while it is cut off, and touches nothing that runs when it starts or ends.
 */
import type { Bus } from '#broker/bus.ts'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { type InstanceScript, instanceVerbs } from '#protocol/instances/instance-orders.ts'
import { type InstancesReport, instancesMax } from '#protocol/instances/instance-report.ts'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import { parseInstanceSpec } from '#protocol/instances/spec-schema.ts'
import type { InstanceStatus } from '#protocol/instances/status.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import type { KnownInstance } from '#protocol/monitors/binding.ts'
import { encodeJsonAnswer } from '#protocol/query/answer.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { Closer } from '#protocol/runtime/closer.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { unlessAborted } from '#protocol/runtime/unless-aborted.ts'
import { type Address, buildSubject, prefixOf } from '#protocol/subjects/subject.ts'
import type { RunningInstance } from '#sensors/instance.ts'
import { Answering } from '../answering.ts'
import type { OrderContext, OrderHandler } from '../orders/order-handler.ts'
import { diskSpace } from '../store/disk.ts'
import { expectAllowed, type InstanceAllowList } from './allow-list.ts'
import { environmentOf, type HostAddresses } from './environment.ts'
import { adoptedInstance, type Instance, knownFromDisk, newInstance, type Place } from './instance.ts'
import type { InstanceCarbon } from './instance-carbon.ts'
import { InstanceKeeper } from './instance-keeper.ts'
import type { InstanceStore } from './instance-store.ts'
import { LogDesk } from './log-desk.ts'
import { activeOf } from './next-step.ts'
import { execOutcome, parseExec, parseNamed, parseScript } from './order-bodies.ts'
import type { OwnAddress } from './own-address.ts'
import type { TaskDeps } from './run-task.ts'
import type { InstanceRuntime } from './runtime/instance-runtime.ts'
import { RuntimeLook } from './runtime-look.ts'

export interface LanceOptions {
  readonly address: Address
  readonly allow: InstanceAllowList
  readonly host: HostAddresses
  /** Where instances are kept; its free space is told. */
  readonly folder: string
  /** The address that no other host of its machine has, if it is so. */
  readonly ownAddress?: string | undefined
  /** Time between looks at what the runtimes have, ms. Default 15,000. */
  readonly lookMs?: number | undefined
  /** How long an instance that nobody knows of is left alone, ms. Default 10 minutes. */
  readonly orphanGraceMs?: number | undefined
}

export interface LanceDeps extends Pick<TaskDeps, 'detectors' | 'runtimes' | 'fetchCode'> {
  readonly bus: Pick<Bus, 'publish' | 'subscribe'>
  readonly clock: Clock
  readonly logger: Logger
  /** Open; closed by Lance, like the runtimes. */
  readonly store: InstanceStore
  readonly session: () => number
  /** Hears of each instance that came to this host, those of before this start included, and of each that is gone. */
  readonly onSeen?: ((instance: KnownInstance) => void) | undefined
  /** Ports for the instances' own metrics; closed by Lance. Absent = they have none. */
  readonly carbon?: InstanceCarbon | undefined
  /** The host's own address, where it has it for its instances alone. */
  readonly address?: Pick<OwnAddress, 'hold' | 'release'> | undefined
}

/** As it is now; and since the start. */
export interface LanceCounters {
  readonly known: number
  readonly running: number
  /** Orders that were not carried out: not allowed, no room, no such instance or isolation. */
  readonly refused: number
  /** Ours, unknown to everybody, removed. */
  readonly reaped: number
}

const lookMs = 15_000
const orphanGraceMs = 600_000

export class Lance implements AsyncDisposable {
  readonly #options: LanceOptions
  readonly #deps: LanceDeps
  readonly #keepers = new Map<string, InstanceKeeper>()
  readonly #looks = new Map<InstanceSpec['isolation'], RuntimeLook>()
  readonly #removed = new Map<string, () => void>()
  readonly #closer = new Closer()
  #refused = 0
  /** Instances that are about to be here. */
  #coming = 0

  /** Takes up what was ordered before; `start` sets it going. */
  constructor(options: LanceOptions, deps: LanceDeps) {
    this.#options = options
    this.#deps = deps
    this.#closer.use('store', deps.store)
    if (deps.carbon) this.#closer.use('carbon', deps.carbon)
    for (const [isolation, runtime] of deps.runtimes) {
      this.#closer.defer(`runtime ${isolation}`, async () => runtime[Symbol.asyncDispose]())
    }
    for (const row of deps.store.rows) this.#add(knownFromDisk(row), 0)
    this.#closer.defer('instances', async () => {
      await Promise.all([...this.#keepers.values()].map((keeper) => keeper.close()))
    })
    for (const [isolation, runtime] of deps.runtimes) {
      const look = new RuntimeLook(
        {
          isolation,
          lookMs: options.lookMs ?? lookMs,
          orphanGraceMs: options.orphanGraceMs ?? orphanGraceMs,
        },
        { runtime, keepers: () => this.#keepersOf(isolation), clock: deps.clock, logger: deps.logger },
      )
      this.#looks.set(isolation, this.#closer.use(`look ${isolation}`, look))
    }
  }

  /** Looks what is there, and answers. Once. */
  start(): void {
    for (const look of this.#looks.values()) look.start()
    // what runs already sends to the port it was told of
    for (const { row } of this.#keepers.values()) if (row.place) void this.#deps.carbon?.addressOf(activeOf(row))
    const { address } = this.#options
    const { bus, clock, logger } = this.#deps
    const answering = this.#closer.use('asked', new Answering({ bus, logger }))
    answering.hear(`${prefixOf(address)}.control.instances.>`, async () => encodeJsonAnswer(await this.#report()))
    const runtimeOf = (id: string): InstanceRuntime | undefined => {
      const keeper = this.#keepers.get(id)
      return keeper && this.#deps.runtimes.get(activeOf(keeper.row).isolation)
    }
    this.#closer.use('logs', new LogDesk({ address, bus, clock, logger, runtimeOf }))
  }

  /** Carries out the orders about instances. */
  get handler(): OrderHandler {
    return {
      verbs: Object.values(instanceVerbs),
      handle: async (verb, body, context) => {
        try {
          return await this.#handle(verb, body, context)
        } catch (error) {
          this.#refused++
          throw error
        }
      },
    }
  }

  get counters(): LanceCounters {
    const keepers = [...this.#keepers.values()]
    return {
      known: keepers.length,
      running: keepers.filter(({ row }) => row.shown === 'running').length,
      refused: this.#refused,
      reaped: [...this.#looks.values()].reduce((sum, { reaped }) => sum + reaped, 0),
    }
  }

  /** What runs, for metering. */
  running(): readonly RunningInstance[] {
    return [...this.#keepers.values()].flatMap(({ metered }) => metered ?? [])
  }

  /** Digests of the code that instances have, or are to have. */
  get codes(): ReadonlySet<string> {
    const specs = [...this.#keepers.values()].flatMap(({ row }) => [row.spec, activeOf(row)])
    return new Set(specs.flatMap(({ code }) => code?.sha256 ?? []))
  }

  /** Of all instances, as they are known now. */
  statuses(): readonly InstanceStatus[] {
    return [...this.#keepers.values()].map(({ status }) => status)
  }

  /** Ends what is under way, and touches nothing that runs. Idempotent. */
  close(): Promise<void> {
    return this.#closer.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #handle(verb: string, body: unknown, context: OrderContext): Promise<unknown> {
    switch (verb) {
      case instanceVerbs.apply:
        return unlessAborted(this.#take(parseInstanceSpec(body), context.signal), context.signal)
      case instanceVerbs.remove:
        return this.#remove(parseNamed(body).id, context.signal)
      case instanceVerbs.restart:
        return unlessAborted(this.#keeperOf(parseNamed(body).id).send({ kind: 'restart' }), context.signal)
      case instanceVerbs.script:
        return unlessAborted(this.#script(parseScript(body)), context.signal)
      default:
        return this.#exec(body, context.signal)
    }
  }

  async #take(spec: InstanceSpec, signal: AbortSignal): Promise<void> {
    this.#coming++
    try {
      await this.#bringCode(spec, signal)
      await this.#apply(spec)
    } finally {
      this.#coming--
      this.#leaveAddress()
    }
  }

  async #apply(spec: InstanceSpec): Promise<void> {
    const known = this.#keepers.get(spec.id)
    this.#expectPossible(spec, known)
    await expectAllowed(spec, this.#options.allow)
    await this.#deps.address?.hold()
    const keeper = this.#keepers.get(spec.id) ?? this.#add(this.#first(spec), this.#deps.clock.now())
    await keeper.send(keeper.row.spec === spec ? { kind: 'tick' } : { kind: 'spec', spec })
    if (this.#looks.get(spec.isolation)?.orphan(spec.id)) this.#looks.get(spec.isolation)?.now()
  }

  /** Other code is brought while what runs goes on: where it cannot be had, nothing is stopped for it. */
  async #bringCode(spec: InstanceSpec, signal: AbortSignal): Promise<void> {
    const known = this.#keepers.get(spec.id)
    if (!spec.code || !known || activeOf(known.row).code?.sha256 === spec.code.sha256) return
    this.#expectPossible(spec, known)
    await this.#deps.fetchCode(spec.code, signal)
  }

  #expectPossible(spec: InstanceSpec, known: InstanceKeeper | undefined): void {
    const generation = known?.row.spec.generation ?? 0
    if (known?.row.isRemoving) {
      throw new LanistaError(
        'INSTANCE_REMOVING',
        `use another name: found ${spec.id} being removed, expected it to stay`,
      )
    }
    if (spec.generation < generation) {
      throw new LanistaError(
        'GENERATION_OLD',
        `order it anew: found generation ${spec.generation} of ${spec.id}, expected ${generation} or more`,
      )
    }
    if (!this.#deps.runtimes.has(spec.isolation)) {
      throw new LanistaError('ISOLATION_UNKNOWN', `place ${spec.id} on another host: found no ${spec.isolation} here`)
    }
    if (!known && this.#keepers.size >= instancesMax) {
      throw new LanistaError('INSTANCES_FULL', `place ${spec.id} on another host: found ${instancesMax} instances here`)
    }
  }

  /** New, or left running by an agent that lost its rows. */
  #first(spec: InstanceSpec): Instance {
    const orphan = this.#looks.get(spec.isolation)?.orphan(spec.id)
    const isOurs = orphan?.state === 'running' && orphan.generation === spec.generation
    const nowMs = this.#deps.clock.now()
    return isOurs ? adoptedInstance(spec, nowMs) : newInstance(spec, nowMs, orphan !== undefined)
  }

  /** @param seenMs since when it is here, epoch ms; 0 = since before this start */
  #add(instance: Instance, seenMs: number): InstanceKeeper {
    const { store, clock, logger, detectors, runtimes, fetchCode } = this.#deps
    const { host } = this.#options
    const keeper = new InstanceKeeper(instance, {
      store,
      clock,
      logger,
      detectors,
      runtimes,
      fetchCode,
      host,
      environmentOf: (spec, place) => this.#environmentOf(spec, place),
      onStatus: (status) => this.#tell(status),
      onUnavailable: (isolation) => this.#looks.get(isolation)?.soon(),
    })
    const { id, application, component } = instance.row.spec
    this.#keepers.set(id, keeper)
    this.#deps.onSeen?.({ application, component, instance: id, sinceMs: seenMs })
    return keeper
  }

  /** Done when nothing is left of it. */
  async #remove(id: string, signal: AbortSignal): Promise<void> {
    const keeper = this.#keepers.get(id)
    if (!keeper) return
    const removed = new Promise<void>((resolve) => this.#removed.set(id, resolve))
    await keeper.send({ kind: 'remove' })
    await unlessAborted(removed, signal)
  }

  async #script(ask: InstanceScript): Promise<void> {
    await this.#keeperOf(ask.id).ask(ask)
  }

  async #exec(body: unknown, signal: AbortSignal): Promise<unknown> {
    const { id, command, timeoutMs } = parseExec(body)
    const { row } = this.#keeperOf(id)
    const spec = activeOf(row)
    const runtime = this.#deps.runtimes.get(spec.isolation)
    if (!runtime || !row.place) throw unknown(id, 'one that is installed')
    const environment = await this.#environmentOf(spec, row.place)
    return execOutcome(await runtime.run(id, command, { environment, timeoutMs }, signal))
  }

  async #environmentOf(spec: InstanceSpec, place: Place | undefined): Promise<Readonly<Record<string, string>>> {
    const membersPath = this.#deps.runtimes.get(spec.isolation)?.membersPath(spec.id)
    return environmentOf(spec, place, this.#options.host, {
      carbon: await this.#deps.carbon?.addressOf(spec),
      membersPath,
    })
  }

  #keeperOf(id: string): InstanceKeeper {
    const keeper = this.#keepers.get(id)
    if (!keeper) throw unknown(id, 'one of this host')
    return keeper
  }

  #keepersOf(isolation: InstanceSpec['isolation']): readonly InstanceKeeper[] {
    return [...this.#keepers.values()].filter(({ row }) => activeOf(row).isolation === isolation)
  }

  /** Nobody needs the host's own address any more. */
  #leaveAddress(): void {
    const isNeeded = (): boolean => this.#keepers.size + this.#coming > 0
    if (!isNeeded()) void this.#deps.address?.release(isNeeded)
  }

  /** What cannot be sent now the controller asks for. */
  #tell(status: InstanceStatus): void {
    const { bus, clock, logger } = this.#deps
    const { id, application, state, failure } = status
    logger.info({ id, state, ...(failure ? { failure } : {}) }, 'instance_state')
    if (state === 'removed') {
      this.#keepers.delete(id)
      this.#deps.onSeen?.({ application, component: status.component, instance: id, sinceMs: 0, goneMs: clock.now() })
      void this.#deps.carbon?.forget(id)
      this.#leaveAddress()
      this.#removed.get(id)?.()
      this.#removed.delete(id)
    }
    const body = encodeJson({ t: clock.now(), application, instance: status })
    try {
      bus.publish(buildSubject(this.#options.address, 'event', 'instance'), body)
    } catch (error) {
      logger.debug({ id, error: messageOf(error) }, 'instance_event_unsent')
    }
  }

  async #report(): Promise<InstancesReport> {
    const { runtimes, session } = this.#deps
    const disk = await diskSpace(this.#options.folder).catch(() => undefined)
    return {
      session: session(),
      system: systems[process.platform] ?? 'linux',
      isolations: [...runtimes].flatMap(([isolation, { isAvailable }]) => (isAvailable ? [isolation] : [])),
      ...(disk ? { diskFreeBytes: disk.freeBytes } : {}),
      cloudIp: this.#options.host.cloudIp,
      publicIp: this.#options.host.publicIp,
      address: this.#options.ownAddress,
      instances: this.statuses(),
    }
  }
}

const systems: Readonly<Partial<Record<NodeJS.Platform, InstancesReport['system']>>> = {
  linux: 'linux',
  darwin: 'darwin',
  win32: 'windows',
}

function unknown(id: string, expected: string): LanistaError {
  return new LanistaError('INSTANCE_UNKNOWN', `name another instance: found ${id}, expected ${expected}`)
}
