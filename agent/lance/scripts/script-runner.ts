/**
 * Keeps the scripts of one instance as its book says: what is to run is launched once, what is to end is told so, and its end is told. It remembers
 * nothing: a new agent launches again, which does nothing where that was done, and looks.
 */
import { messageOf } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import type { InstanceRuntime } from '../runtime/instance-runtime.ts'
import {
  hasReached,
  launchCommand,
  launchVariables,
  lookCommand,
  parseLook,
  type ScriptLook,
  type ScriptStart,
  signalCommand,
} from './script-shell.ts'

/** A script that is to run, and what it is to be told. */
export interface WantedScript extends ScriptStart {
  /** With its parameters. */
  readonly command: readonly string[]
  readonly signal: 'TERM' | 'KILL' | undefined
}

/** Where the scripts of an instance run. */
export interface ScriptPlace {
  readonly runtime: Pick<InstanceRuntime, 'run' | 'launch'>
  /** Resolves once all is there that a script may look at. */
  readonly environment: () => Promise<Readonly<Record<string, string>>>
}

export interface ScriptRunnerDeps {
  readonly clock: Clock
  readonly logger: Logger
  /** @param code null = nobody saw how it ended */
  readonly onEnded: (start: ScriptStart, code: number | null) => void
}

interface Driven {
  wanted: WantedScript
  place: ScriptPlace
  readonly stop: AbortController
  /** Ends the look that is under way: something else is wanted. */
  hurry: AbortController
  done: Promise<void>
}

/** One look takes so long while nothing happens, s. */
const lookSeconds = 10
/** How long a look or a signal may take beyond that, ms. */
const answerMs = 20_000
/** Before what did not work is tried again, ms. */
const againMs = 1000
/** Looks that see nothing of a script that was launched, each after `againMs`, before it counts as ended. */
const absentMax = 30
/** Launches that fail before it counts as ended. */
const launchesMax = 5

export class ScriptRunner {
  readonly #deps: ScriptRunnerDeps
  readonly #driven = new Map<string, Driven>()
  /** Keys of those whose end was told, until they are wanted no more: what was told late begins none again. */
  readonly #over = new Set<string>()
  /** Those that are left alone, but not over yet, included. */
  readonly #alive = new Set<Driven>()

  constructor(deps: ScriptRunnerDeps) {
    this.#deps = deps
  }

  /** What is not among them any more is left alone, as it is. */
  follow(place: ScriptPlace, scripts: readonly WantedScript[]): void {
    const keys = new Set(scripts.map(keyOf))
    for (const [key, driven] of this.#driven) if (!keys.has(key)) this.#leave(key, driven)
    for (const key of this.#over) if (!keys.has(key)) this.#over.delete(key)
    for (const wanted of scripts) {
      if (this.#over.has(keyOf(wanted))) continue
      const driven = this.#driven.get(keyOf(wanted))
      if (!driven) this.#begin(wanted, place)
      else {
        const isOther = driven.wanted.signal !== wanted.signal
        driven.wanted = wanted
        driven.place = place
        if (isOther) driven.hurry.abort()
      }
    }
  }

  /** Looks after none any more; they run on. Idempotent. */
  async close(): Promise<void> {
    for (const [key, driven] of this.#driven) this.#leave(key, driven)
    await Promise.all([...this.#alive].map(({ done }) => done))
  }

  #begin(wanted: WantedScript, place: ScriptPlace): void {
    const driven: Driven = {
      wanted,
      place,
      stop: new AbortController(),
      hurry: new AbortController(),
      done: Promise.resolve(),
    }
    this.#driven.set(keyOf(wanted), driven)
    this.#alive.add(driven)
    driven.done = this.#drive(driven).finally(() => this.#alive.delete(driven))
  }

  #leave(key: string, driven: Driven): void {
    this.#driven.delete(key)
    driven.stop.abort()
  }

  async #drive(driven: Driven): Promise<void> {
    const { stop } = driven
    let isLaunched = false
    let signalled: WantedScript['signal']
    let absent = 0
    let failed = 0
    while (!stop.signal.aborted) {
      try {
        if (!isLaunched) await this.#launch(driven)
        isLaunched = true
        const { signal } = driven.wanted
        driven.hurry = new AbortController()
        // what forks while it is killed leaves others
        const isDue = signal !== undefined && (signal !== signalled || signal === 'KILL')
        if (isDue && (await this.#signal(driven, signal))) signalled = signal
        const seen = await this.#look(driven, isDue ? 1 : lookSeconds)
        absent = seen?.state === 'absent' ? absent + 1 : 0
        const end = endOf(seen, absent)
        // who was left alone meanwhile tells nothing: somebody else may look after it by now
        if (end !== undefined && !stop.signal.aborted) return this.#tellEnd(driven, end)
        if (seen?.state !== 'running') await this.#deps.clock.sleep(againMs, stop.signal)
      } catch (error) {
        if (stop.signal.aborted) return
        if (driven.hurry.signal.aborted) continue
        this.#deps.logger.warn({ ...named(driven.wanted), error: messageOf(error) }, 'script_not_reached')
        if (!isLaunched && ++failed >= launchesMax) return this.#tellEnd(driven, null)
        await this.#deps.clock.sleep(againMs, stop.signal).catch(() => {})
      }
    }
  }

  #tellEnd({ wanted }: Driven, code: number | null): void {
    this.#driven.delete(keyOf(wanted))
    this.#over.add(keyOf(wanted))
    this.#deps.logger.info({ ...named(wanted), code }, 'script_ended')
    this.#deps.onEnded(wanted, code)
  }

  async #launch({ wanted, place, stop }: Driven): Promise<void> {
    const environment = { ...(await place.environment()), ...launchVariables(wanted) }
    this.#deps.logger.info(named(wanted), 'script_launched')
    await place.runtime.launch(wanted.instance, launchCommand(wanted, wanted.command), { environment }, stop.signal)
  }

  async #signal({ wanted, place, stop }: Driven, name: 'TERM' | 'KILL'): Promise<boolean> {
    const options = { environment: {}, timeoutMs: answerMs }
    this.#deps.logger.info({ ...named(wanted), signal: name }, 'script_signalled')
    const { output } = await place.runtime.run(wanted.instance, signalCommand(wanted, name), options, stop.signal)
    return hasReached(output)
  }

  async #look({ wanted, place, stop, hurry }: Driven, seconds: number): Promise<ScriptLook | undefined> {
    const options = { environment: {}, timeoutMs: seconds * 1000 + answerMs }
    const either = AbortSignal.any([stop.signal, hurry.signal])
    const { output } = await place.runtime.run(wanted.instance, lookCommand(wanted, seconds), options, either)
    return parseLook(output)
  }
}

/** Undefined = it runs, as far as is known. */
function endOf(seen: ScriptLook | undefined, absent: number): number | null | undefined {
  if (seen?.state === 'ended') return seen.code
  return seen?.state === 'gone' || absent >= absentMax ? null : undefined
}

function keyOf({ name, id }: ScriptStart): string {
  return `${name} ${id}`
}

function named({ instance, name, id }: ScriptStart): object {
  return { id: instance, script: name, request: id }
}
