/** The host that a `MemoryRuntime` runs instances on: outlives the runtime, and is the test's to break. */
import { LanistaError } from '#protocol/errors.ts'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import type { ProcessExit, RuntimeEvent } from './instance-runtime.ts'

export interface MemoryPlace {
  readonly id: string
  generation: number
  readonly digest: string
  readonly hostPorts: Readonly<Record<string, number>>
  readonly files: Map<string, string>
  /** Those of `files` that the spec brought. */
  readonly delivered: readonly string[]
  readonly log: string[]
  main: { exit: ProcessExit | undefined; readonly ignoresSignals: boolean } | undefined
  /** Main processes started in it. */
  starts: number
}

/** What a command does: ends at once, or (`exit` undefined) runs until it is stopped. */
export interface Played {
  readonly exit: ProcessExit | undefined
  readonly output: string
  readonly ignoresSignals: boolean
}

/**
 * Plays a command. By default `exit N`, `print TEXT`, `variable NAME`, `cat PATH`, `write PATH TEXT`, `serve TEXT`, `stubborn`, and every
 * other word ends with 127.
 */
export type Play = (
  place: MemoryPlace,
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
) => Played

export class MemoryHost {
  readonly places: Map<string, MemoryPlace> = new Map()
  readonly play: Play
  readonly #listeners = new Set<(event: RuntimeEvent) => void>()
  #isAvailable = true
  #nextPort = 32_768

  constructor(play: Play = playWords) {
    this.play = play
  }

  get isAvailable(): boolean {
    return this.#isAvailable
  }

  /** As an engine that goes away or comes back. */
  setAvailable(isAvailable: boolean): void {
    this.#isAvailable = isAvailable
    this.#tell({ kind: 'availability', isAvailable, reason: isAvailable ? 'back' : 'away' })
  }

  /** Ends an instance's main process; nothing when none runs. */
  end(id: string, exit: ProcessExit): void {
    const main = this.places.get(id)?.main
    if (!main || main.exit) return
    main.exit = exit
    this.#tell({ kind: 'exited', id, exit })
  }

  /** Public ports keep their number. Throws PORT_TAKEN. */
  hostPorts(spec: InstanceSpec): Readonly<Record<string, number>> {
    const taken = new Set([...this.places.values()].flatMap(({ hostPorts }) => Object.values(hostPorts)))
    return Object.fromEntries(
      spec.provides.map(({ name, port, isPublic }) => {
        if (isPublic && taken.has(port)) {
          throw new LanistaError('PORT_TAKEN', `free port ${port} (${name}): found it given to another instance`)
        }
        return [name, isPublic ? port : this.#nextPort++]
      }),
    )
  }

  onEvent(listener: (event: RuntimeEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #tell(event: RuntimeEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}

function playWords(
  place: MemoryPlace,
  [word = '', first = '', second = '']: readonly string[],
  environment: Readonly<Record<string, string>>,
): Played {
  const ended = (code: number, output = ''): Played => ({
    exit: { code, signal: null, isOutOfMemory: false },
    output,
    ignoresSignals: false,
  })
  switch (word) {
    case 'exit':
      return ended(Number(first))
    case 'print':
      return ended(0, `${first}\n`)
    case 'variable':
      return ended(0, `${environment[first] ?? ''}\n`)
    case 'cat':
      return place.files.has(first) ? ended(0, place.files.get(first)) : ended(1)
    case 'write':
      place.files.set(first, second)
      return ended(0)
    case 'serve':
      return { exit: undefined, output: `${first}\n`, ignoresSignals: false }
    case 'stubborn':
      return { exit: undefined, output: 'deaf\n', ignoresSignals: true }
    default:
      return ended(127)
  }
}
