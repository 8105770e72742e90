/** Carries out one thing that the life cycle has decided on, and says how it ended. */
import { isLanistaError, messageOf } from '#protocol/errors.ts'
import type { CodeVersion, Detector, Handler, InstanceSpec } from '#protocol/instances/spec.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import type { Place, Task, TaskEnd } from './instance.ts'
import { memberText } from './member-list.ts'
import { preparedKey } from './prepared-image.ts'
import { exitText } from './restarts.ts'
import type { CommandResult, InstanceRuntime } from './runtime/instance-runtime.ts'

/** What a detector looks at. */
export interface Detected {
  readonly spec: InstanceSpec
  readonly place: Place | undefined
  readonly runtime: InstanceRuntime
  readonly environment: Readonly<Record<string, string>>
}

/** The seam of detectors (seed-systems §2.2). */
export interface Detectors {
  /** Resolves once it has started. Throws DETECTION_FAILED when it cannot any more, or not in time. */
  started(detector: Detector, target: Detected, signal: AbortSignal): Promise<void>
  /** Resolves with the reason once it has stopped. */
  stopped(detector: Detector, target: Detected, signal: AbortSignal): Promise<string>
}

export interface TaskDeps {
  readonly clock: Pick<Clock, 'monotonic'>
  readonly logger: Pick<Logger, 'warn'>
  readonly detectors: Detectors
  /** Every runtime of this host. */
  readonly runtimes: ReadonlyMap<InstanceSpec['isolation'], InstanceRuntime>
  readonly environmentOf: (spec: InstanceSpec, place: Place | undefined) => Promise<Readonly<Record<string, string>>>
  /** The archive's path, once it is here and its digest is right. Throws CODE_REFUSED. */
  readonly fetchCode: (code: CodeVersion, signal: AbortSignal) => Promise<string>
}

/** Bytes of a reason; the end of what a command wrote is in it. */
const reasonLengthMax = 600

/** How it ended; never rejects. */
export async function runTask(
  task: Task,
  { spec, place }: { readonly spec: InstanceSpec; readonly place: Place | undefined },
  deps: TaskDeps,
  signal: AbortSignal,
): Promise<TaskEnd> {
  const runtime = deps.runtimes.get(spec.isolation)
  if (!runtime) return { kind: 'unavailable' }
  try {
    const environment = await deps.environmentOf(spec, place)
    return await new Work({ spec, place, runtime, environment }, deps, signal).do(task)
  } catch (error) {
    if (signal.aborted) return { kind: 'cancelled' }
    if (isLanistaError(error, 'RUNTIME_UNAVAILABLE')) return { kind: 'unavailable' }
    return {
      kind: 'failed',
      reason: shortened(messageOf(error)),
      errorCode: isLanistaError(error) ? error.code : undefined,
    }
  }
}

class Work {
  readonly #target: Detected
  readonly #deps: TaskDeps
  readonly #signal: AbortSignal

  constructor(target: Detected, deps: TaskDeps, signal: AbortSignal) {
    this.#target = target
    this.#deps = deps
    this.#signal = signal
  }

  do(task: Task): Promise<TaskEnd> {
    switch (task.kind) {
      case 'prepare':
        return this.#prepare(task.isClean)
      case 'handler':
        return task.name === 'preInstall'
          ? this.#preInstall(task.handler)
          : this.#handle(task.handler.commands, task.handler)
      case 'onChange':
        return this.#handle(task.handler.commands, task.handler)
      case 'start':
        return this.#start(task.handler)
      case 'detect':
        return this.#detect(task.detector)
      case 'halt':
        return this.#halt(task.graceMs)
      case 'destroy':
        return this.#destroy()
    }
  }

  async #prepare(isClean: boolean): Promise<TaskEnd> {
    const { spec, runtime } = this.#target
    if (isClean) await this.#destroy()
    const code = spec.code ? await this.#deps.fetchCode(spec.code, this.#signal) : undefined
    const key = preparedKey(spec)
    const image = key === undefined ? undefined : await runtime.findPrepared?.(key, this.#signal)
    const from = image === undefined ? spec : { ...spec, image }
    const found = await runtime.prepare(from, code, this.#signal)
    if (spec.members) await runtime.writeMembers(spec.id, memberText(spec.members))
    return { kind: 'done', found }
  }

  /** Nothing to be done in a place that began with what another instance was prepared to; else what it was prepared to is kept for the next. */
  async #preInstall(handler: Handler): Promise<TaskEnd> {
    const { spec, place } = this.#target
    const key = preparedKey(spec)
    if (key !== undefined && place?.detail['prepared'] === key) return { kind: 'done' }
    const end = await this.#handle(handler.commands, handler)
    if (end.kind !== 'done' || key === undefined) return end
    await this.#keepPrepared(key)
    return end
  }

  /** The first that is done keeps it; one that cannot be kept, for lack of room perhaps, is no failure of the instance. */
  async #keepPrepared(key: string): Promise<void> {
    const { spec, runtime } = this.#target
    try {
      if ((await runtime.findPrepared?.(key, this.#signal)) !== undefined) return
      await runtime.keepPrepared?.(spec.id, key, this.#signal)
    } catch (error) {
      this.#signal.throwIfAborted()
      if (isLanistaError(error, 'RUNTIME_UNAVAILABLE')) throw error
      this.#deps.logger.warn({ id: spec.id, error: messageOf(error) }, 'prepared_image_not_kept')
    }
  }

  /** Also where it ran before under another isolation. */
  async #destroy(): Promise<TaskEnd> {
    for (const runtime of this.#deps.runtimes.values()) await runtime.destroy(this.#target.spec.id, this.#signal)
    return { kind: 'done' }
  }

  /** One command after the other, all within the handler's time; the first that fails ends it. */
  async #handle(commands: Handler['commands'], { timeoutMs }: Pick<Handler, 'timeoutMs'>): Promise<TaskEnd> {
    const { spec, runtime, environment } = this.#target
    const endMs = this.#deps.clock.monotonic() + timeoutMs
    for (const command of commands) {
      const leftMs = Math.max(1, endMs - this.#deps.clock.monotonic())
      const result = await runtime.run(spec.id, command, { environment, timeoutMs: leftMs }, this.#signal)
      if (result.code !== 0) {
        const code = result.code === null ? {} : { code: result.code }
        return { kind: 'failed', reason: failureText(command, result, timeoutMs), ...code }
      }
    }
    return { kind: 'done' }
  }

  /** The last command is the main process; those before it prepare it. */
  async #start(handler: Handler | undefined): Promise<TaskEnd> {
    const { spec, runtime, environment } = this.#target
    const before = await this.#handle(handler?.commands.slice(0, -1) ?? [], { timeoutMs: handler?.timeoutMs ?? 0 })
    if (before.kind !== 'done') return before
    const command = handler?.commands.at(-1) ?? []
    return { kind: 'done', found: await runtime.start(spec.id, command, { environment }, this.#signal) }
  }

  async #detect(detector: Detector): Promise<TaskEnd> {
    await this.#deps.detectors.started(detector, this.#target, this.#signal)
    return { kind: 'done' }
  }

  async #halt(graceMs: number): Promise<TaskEnd> {
    const { spec, runtime } = this.#target
    return { kind: 'done', exit: await runtime.stop(spec.id, graceMs, this.#signal) }
  }
}

function failureText(command: readonly string[], result: CommandResult, timeoutMs: number): string {
  const said = result.output.trim()
  const how = result.isTimedOut ? `did not end within ${timeoutMs} ms` : `ended with ${exitText(result)}`
  return shortened(`${JSON.stringify(command.join(' ').slice(0, 120))} ${how}${said === '' ? '' : `: ${said}`}`)
}

/** The beginning says what failed, the end why. */
function shortened(text: string): string {
  if (text.length <= reasonLengthMax) return text
  return `${text.slice(0, 200)} … ${text.slice(200 - reasonLengthMax + 3)}`
}
