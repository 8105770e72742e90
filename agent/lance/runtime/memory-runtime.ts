/**
 * The runtime without processes, for tests: commands are words it plays by itself. What a `MemoryHost` holds outlives the runtime object, as
 * containers and folders outlive an agent.
 */

import { partsInside } from '#protocol/archive/member-path.ts'
import { LanistaError } from '#protocol/errors.ts'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { unlessAborted } from '#protocol/runtime/unless-aborted.ts'
import type { CommandResult, FoundInstance, InstanceRuntime, ProcessExit, RuntimeEvent } from './instance-runtime.ts'
import type { MemoryHost, MemoryPlace } from './memory-host.ts'
import { noPlace, notRunning } from './place-errors.ts'
import { placeDigest, placeFolder } from './place-record.ts'

type Environment = Readonly<Record<string, string>>

const membersPath = 'members.json'

export class MemoryRuntime implements InstanceRuntime {
  readonly kind = 'memory'
  readonly hasOwnCgroups = false
  readonly #host: MemoryHost
  readonly #clock: Clock
  readonly #leave: () => void
  readonly #listeners = new Set<(event: RuntimeEvent) => void>()

  constructor(host: MemoryHost, clock: Clock) {
    this.#host = host
    this.#clock = clock
    this.#leave = host.onEvent((event) => {
      for (const listener of this.#listeners) listener(event)
    })
  }

  get isAvailable(): boolean {
    return this.#host.isAvailable
  }

  async list(signal: AbortSignal): Promise<readonly FoundInstance[]> {
    this.#expectAvailable(signal)
    return [...this.#host.places.values()].map(foundOf)
  }

  async prepare(spec: InstanceSpec, _code: string | undefined, signal: AbortSignal): Promise<FoundInstance> {
    this.#expectAvailable(signal)
    placeFolder('/', spec.id)
    const digest = placeDigest(spec)
    const there = this.#host.places.get(spec.id)
    if (there?.digest === digest) {
      there.generation = spec.generation
      return foundOf(there)
    }
    const delivered = spec.files.map(({ path, text }) => [partsInside(path).join('/'), text] as const)
    const files = there && spec.isolation === 'directory' ? writtenBy(there) : new Map<string, string>()
    for (const [path, text] of delivered) files.set(path, text)
    this.#host.places.delete(spec.id)
    const place: MemoryPlace = {
      id: spec.id,
      generation: spec.generation,
      digest,
      hostPorts: this.#host.hostPorts(spec),
      files,
      delivered: delivered.map(([path]) => path),
      log: [],
      main: undefined,
      starts: 0,
    }
    this.#host.places.set(spec.id, place)
    return foundOf(place)
  }

  async run(
    id: string,
    command: readonly string[],
    options: { readonly environment: Environment; readonly timeoutMs: number },
    signal: AbortSignal,
  ): Promise<CommandResult> {
    this.#expectAvailable(signal)
    const played = this.#host.play(this.#placeOf(id), command, options.environment)
    if (played.exit) return { ...played.exit, output: played.output, isTimedOut: false }
    await unlessAborted(this.#clock.sleep(options.timeoutMs, signal), signal)
    return { code: null, signal: 'SIGKILL', isOutOfMemory: false, output: played.output, isTimedOut: true }
  }

  async start(
    id: string,
    command: readonly string[],
    options: { readonly environment: Environment },
    signal: AbortSignal,
  ): Promise<FoundInstance> {
    this.#expectAvailable(signal)
    const place = this.#placeOf(id)
    if (place.main && !place.main.exit) return foundOf(place)
    const played = this.#host.play(place, command, options.environment)
    place.starts++
    place.main = { exit: undefined, ignoresSignals: played.ignoresSignals }
    if (played.output !== '') place.log.push(...played.output.replace(/\n$/, '').split('\n'))
    const { exit } = played
    if (exit) this.#clock.after(0, () => this.#host.end(id, exit))
    return foundOf(place)
  }

  async launch(
    id: string,
    command: readonly string[],
    options: { readonly environment: Environment },
    signal: AbortSignal,
  ): Promise<void> {
    this.#expectAvailable(signal)
    const place = this.#placeOf(id)
    if (!place.main || place.main.exit) throw notRunning(id)
    const { output } = this.#host.play(place, command, options.environment)
    if (output !== '') place.log.push(...output.replace(/\n$/, '').split('\n'))
  }

  membersPath(): string {
    return membersPath
  }

  async writeMembers(id: string, text: string): Promise<void> {
    this.#placeOf(id).files.set(membersPath, text)
  }

  async stop(id: string, graceMs: number, signal: AbortSignal): Promise<ProcessExit | undefined> {
    this.#expectAvailable(signal)
    const main = this.#host.places.get(id)?.main
    if (!main || main.exit) return main?.exit
    if (main.ignoresSignals) await this.#clock.sleep(graceMs, signal)
    const killedBy = main.ignoresSignals ? 'SIGKILL' : 'SIGTERM'
    this.#host.end(id, { code: null, signal: killedBy, isOutOfMemory: false })
    return main.exit
  }

  async destroy(id: string, signal: AbortSignal): Promise<void> {
    this.#expectAvailable(signal)
    this.#host.places.delete(id)
  }

  /** Follows nothing: gives out what is there. */
  async *readLog(
    id: string,
    options: { readonly lines: number; readonly isFollowed: boolean },
    signal: AbortSignal,
  ): AsyncGenerator<string> {
    signal.throwIfAborted()
    yield* this.#host.places.get(id)?.log.slice(-options.lines) ?? []
  }

  onEvent(listener: (event: RuntimeEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave()
  }

  #placeOf(id: string): MemoryPlace {
    const place = this.#host.places.get(id)
    if (place) return place
    throw noPlace(id)
  }

  #expectAvailable(signal: AbortSignal): void {
    signal.throwIfAborted()
    if (!this.#host.isAvailable) throw new LanistaError('RUNTIME_UNAVAILABLE', 'ask later: found the host unavailable')
  }
}

/** What the component wrote: as in a directory, it outlives its spec. */
function writtenBy({ files, delivered }: MemoryPlace): Map<string, string> {
  return new Map([...files].filter(([path]) => !delivered.includes(path)))
}

function foundOf({ id, generation, hostPorts, main, starts }: MemoryPlace): FoundInstance {
  return {
    id,
    generation,
    state: !main ? 'prepared' : main.exit ? 'exited' : 'running',
    exit: main?.exit,
    hostPorts,
    processes: [],
    detail: { starts },
  }
}
