/**
 * The shell of one instance's life cycle: keeps its row, carries out what is decided once the row is on the disk, tells what is new. A disk
 * that takes no row stops the life cycle, and nothing that runs.
 */
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { InstanceScript } from '#protocol/instances/instance-orders.ts'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import type { InstanceStatus } from '#protocol/instances/status.ts'
import { backoffMs } from '#protocol/runtime/backoff.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import type { RunningInstance } from '#sensors/instance.ts'
import { endpointsOf, type HostAddresses } from './environment.ts'
import type { Instance, InstanceAction, InstanceEvent, InstanceRow } from './instance.ts'
import { step } from './instance-machine.ts'
import { statusOf } from './instance-status.ts'
import type { InstanceStore } from './instance-store.ts'
import { hasPlace } from './life-cycle.ts'
import { MemberList } from './member-list.ts'
import { activeOf } from './next-step.ts'
import { runTask, type TaskDeps } from './run-task.ts'
import { requestRefusal, wantedScripts } from './scripts/instance-scripts.ts'
import { ScriptRunner } from './scripts/script-runner.ts'
import { StopWatch } from './stop-watch.ts'

export interface KeeperDeps extends TaskDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly store: Pick<InstanceStore, 'write'>
  readonly host: HostAddresses
  /** Called at each change, with what is on the disk. */
  readonly onStatus: (status: InstanceStatus) => void
  /** Called when the runtime of this isolation did not answer: until somebody has looked, nothing is decided. */
  readonly onUnavailable: (isolation: InstanceSpec['isolation']) => void
}

/** Longest time a timer is set for, ms: a wall clock may be set meanwhile. */
const tickMsMax = 60_000

export class InstanceKeeper {
  readonly #deps: KeeperDeps
  readonly #stop = new AbortController()
  readonly #watch: StopWatch
  readonly #members: MemberList
  readonly #scripts: ScriptRunner
  #instance: Instance
  #processes: readonly number[] = []
  #running: { readonly id: number; readonly cancel: AbortController; readonly ended: Promise<void> } | undefined
  #kept: Promise<void> = Promise.resolve()
  #cancelTick: () => void = () => {}
  #told = ''

  /** Begins with an instance as it is on the disk, or new; `send` sets it going. */
  constructor(instance: Instance, deps: KeeperDeps) {
    this.#instance = instance
    this.#deps = deps
    this.#watch = new StopWatch(deps, (reason) => {
      void this.send({ kind: 'stopDetected', reason })
    })
    this.#members = new MemberList(deps)
    this.#scripts = new ScriptRunner({
      ...deps,
      onEnded: ({ name, id }, code) => void this.send({ kind: 'scriptEnded', name, id, code }),
    })
  }

  get row(): InstanceRow {
    return this.#instance.row
  }

  /** Grows with each thing that is begun. */
  get tasks(): number {
    return this.#instance.tasks
  }

  get isIdle(): boolean {
    return this.#instance.task === undefined
  }

  get status(): InstanceStatus {
    const { row, isMainUp } = this.#instance
    const { host } = this.#deps
    const isReachable = isMainUp && row.place !== undefined
    return { ...statusOf(this.#instance), endpoints: isReachable ? endpointsOf(activeOf(row), row.place, host) : {} }
  }

  /** For metering: its main process first; undefined while it does not run, as far as is known. */
  get metered(): RunningInstance | undefined {
    const { row, isKnown, isMainUp } = this.#instance
    if (!isKnown || !isMainUp) return undefined
    const { application, component, id, isolation } = activeOf(row)
    const hasOwnCgroup = this.#deps.runtimes.get(isolation)?.hasOwnCgroups ?? false
    return { application, component, instance: id, processes: this.#processes, hasOwnCgroup }
  }

  /** Takes what has happened; resolves once all that it changed is on the disk, or this is closed. */
  send(event: InstanceEvent): Promise<void> {
    if (this.#stop.signal.aborted) return this.#kept
    const before = this.#instance.row
    this.#processes = processesIn(event) ?? this.#processes
    const { instance, actions, wakeAtMs } = step(this.#instance, event, this.#deps.clock.now())
    this.#instance = instance
    for (const action of actions) if (action.kind === 'cancel') this.#running?.cancel.abort()
    this.#tickAt(wakeAtMs)
    const row = instance.row === before ? undefined : instance.row
    const { status } = this
    this.#kept = this.#kept.then(() => this.#keep(row, status, actions, instance))
    return this.#kept
  }

  /**
   * A request for a script of the service; resolves once it is on the disk.
   * @throws LanistaError SERVICE_UNKNOWN, SERVICE_NOT_RUNNING, SCRIPT_RUNNING, NO_SCRIPT_RUNS
   */
  async ask(ask: InstanceScript): Promise<void> {
    const refusal = requestRefusal(this.#instance, ask, this.#deps.clock.now())
    if (!refusal) return this.send({ kind: 'script', ask })
    throw new LanistaError(refusal.code, `ask ${ask.id} later: found ${refusal.found}, expected ${refusal.expected}`)
  }

  /** Ends what is under way, and touches nothing that runs. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort()
    this.#cancelTick()
    await this.#watch.close()
    this.#running?.cancel.abort()
    await this.#members.close()
    await this.#scripts.close()
    await this.#kept
    await this.#running?.ended
  }

  async #keep(
    row: InstanceRow | undefined,
    status: InstanceStatus,
    actions: readonly InstanceAction[],
    instance: Instance,
  ): Promise<void> {
    if (row && !(await this.#write(row))) return
    this.#tell(status)
    this.#follow()
    this.#followMembers(instance)
    for (const action of actions) if (action.kind === 'run') this.#run(action)
  }

  /** Tries until it is on the disk; false = closed before. */
  async #write(row: InstanceRow): Promise<boolean> {
    const { store, clock, logger } = this.#deps
    const { id } = row.spec
    for (let attempt = 0; !this.#stop.signal.aborted; attempt++) {
      try {
        await store.write(id, row.stage === 'removed' ? undefined : row)
        return true
      } catch (error) {
        logger.error({ id, attempt, error: messageOf(error) }, 'instance_unwritten')
        await clock.sleep(backoffMs(attempt), this.#stop.signal).catch(() => {})
      }
    }
    return false
  }

  #run({ id, task, spec }: Extract<InstanceAction, { kind: 'run' }>): void {
    if (this.#stop.signal.aborted) return
    const { task: current, row } = this.#instance
    const cancel = new AbortController()
    if (current?.id === id && current.isCancelled) cancel.abort()
    this.#deps.logger.info({ id: spec.id, task: task.kind, stage: row.stage }, 'instance_task')
    const ended = runTask(task, { spec, place: row.place }, this.#deps, cancel.signal).then((end) => {
      if (end.kind === 'failed')
        this.#deps.logger.warn({ id: spec.id, task: task.kind, ...end }, 'instance_task_failed')
      if (this.#stop.signal.aborted) return // the next agent looks for itself
      this.#running = undefined
      void this.send({ kind: 'ended', task: id, end })
      if (end.kind === 'unavailable') this.#deps.onUnavailable(spec.isolation)
    })
    this.#running = { id, cancel, ended }
  }

  /** What has not changed is not told. */
  #tell(status: InstanceStatus): void {
    const text = JSON.stringify(status)
    if (text === this.#told) return
    this.#told = text
    this.#deps.onStatus(status)
  }

  #follow(): void {
    const { row, isKnown, isMainUp } = this.#instance
    const spec = activeOf(row)
    const runtime = this.#deps.runtimes.get(spec.isolation)
    const isUp = isKnown && isMainUp && row.stage === 'running'
    if (!isUp || !spec.stopDetector || !runtime) return this.#watch.follow(undefined)
    this.#watch.follow({ detector: spec.stopDetector, spec, place: row.place, runtime })
  }

  /** What is kept of members and scripts is brought about; what is not on the disk yet is not begun. */
  #followMembers(instance: Instance): void {
    if (this.#stop.signal.aborted) return
    const { row } = instance
    const runtime = this.#deps.runtimes.get(activeOf(row).isolation)
    if (!runtime) return
    const { id, members } = row.spec
    const hasFile = row.place && activeOf(row).members && members && hasPlace(row.stage)
    this.#members.follow(hasFile ? { id, members, runtime } : undefined)
    const environment = async (): Promise<Readonly<Record<string, string>>> => {
      await this.#members.written()
      return this.#deps.environmentOf({ ...activeOf(row), members }, row.place)
    }
    this.#scripts.follow({ runtime, environment }, wantedScripts(instance, this.#deps.clock.now()))
  }

  #tickAt(wakeAtMs: number | undefined): void {
    this.#cancelTick()
    if (wakeAtMs === undefined) return
    const waitMs = Math.min(Math.max(0, wakeAtMs - this.#deps.clock.now()), tickMsMax)
    this.#cancelTick = this.#deps.clock.after(waitMs, () => void this.send({ kind: 'tick' }))
  }
}

function processesIn(event: InstanceEvent): readonly number[] | undefined {
  if (event.kind === 'found') return event.found?.processes
  return event.kind === 'ended' && event.end.kind === 'done' ? event.end.found?.processes : undefined
}
