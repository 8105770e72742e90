/**
 * What isolates an instance: a Docker container, a directory with its own process group, or memory for tests. The life cycle
 * (`../`) decides, a runtime does; one contract suite runs against every form. Every call takes a signal; none changes anything of an instance it
 * was not made for, and each may be repeated: what is there already is taken as done.
 */
import type { InstanceSpec } from '#protocol/instances/spec.ts'

/** What a runtime knows of an instance, by its own labels and files. */
export interface FoundInstance {
  readonly id: string
  readonly generation: number
  /** `prepared`: made, main process not running; `running`; `exited` with a code or a signal. */
  readonly state: 'prepared' | 'running' | 'exited'
  readonly exit?: ProcessExit | undefined
  /** Host numbers of provided ports, by name. */
  readonly hostPorts: Readonly<Record<string, number>>
  /** Where it listens: a container's own address behind the host's, or the host's own; absent = every address of the machine. */
  readonly address?: string | undefined
  /** Those that are known, the main process first; for metering. */
  readonly processes: readonly number[]
  /** `prepared`: the key of the kept image (`keepPrepared`) that it began with. */
  readonly detail: Readonly<Record<string, string | number>>
}

export interface ProcessExit {
  readonly code: number | null
  readonly signal: string | null
  /** Killed for memory. */
  readonly isOutOfMemory: boolean
}

export interface CommandResult extends ProcessExit {
  /** Last bytes of what it wrote, both streams, bounded. */
  readonly output: string
  readonly isTimedOut: boolean
}

/** Hints; `list` is the truth. */
export type RuntimeEvent =
  | { readonly kind: 'exited'; readonly id: string; readonly exit: ProcessExit }
  /** The engine is gone, or back: what runs is unknown meanwhile, not dead. */
  | { readonly kind: 'availability'; readonly isAvailable: boolean; readonly reason: string }

export interface InstanceRuntime extends AsyncDisposable {
  readonly kind: InstanceSpec['isolation'] | 'memory'
  readonly isAvailable: boolean
  /** Whether a main process runs in a cgroup that holds its instance and nothing else. */
  readonly hasOwnCgroups: boolean
  /** Everything of ours that is there, running or not. Throws RUNTIME_UNAVAILABLE. */
  list(signal: AbortSignal): Promise<readonly FoundInstance[]>
  /**
   * Makes the place: folder or container, files, code, ports, limits. One that is there of another spec: what runs in it is ended; a container is made
   * anew, and what it held is gone but for its volumes; a folder gets the files and code of this spec, and keeps what the component wrote.
   * @throws LanistaError RUNTIME_UNAVAILABLE, IMAGE_MISSING, REGISTRY_LOGIN, PORT_TAKEN, PATH_REFUSED, CODE_REFUSED, DISK_FULL
   */
  prepare(spec: InstanceSpec, code: string | undefined, signal: AbortSignal): Promise<FoundInstance>
  /** Runs one command to its end inside the place, with this environment; its process group ends with the time limit. */
  run(
    id: string,
    command: readonly string[],
    options: { readonly environment: Readonly<Record<string, string>>; readonly timeoutMs: number },
    signal: AbortSignal,
  ): Promise<CommandResult>
  /** Starts the main process; it outlives this agent. Its output goes to the instance's log. */
  start(
    id: string,
    command: readonly string[],
    options: { readonly environment: Readonly<Record<string, string>> },
    signal: AbortSignal,
  ): Promise<FoundInstance>
  /**
   * Starts a command beside the main process, which must run; it outlives this agent, and ends with its place. What it writes to the file that
   * LANISTA_LOG names is in the instance's log. How it ends it has to tell itself.
   */
  launch(
    id: string,
    command: readonly string[],
    options: { readonly environment: Readonly<Record<string, string>> },
    signal: AbortSignal,
  ): Promise<void>
  /** Where the component finds its member file, in its own view; there is one where the spec has members. */
  membersPath(id: string): string
  /** Writes the member file, whole or not at all, also while the component runs. Throws what the file system throws. */
  writeMembers(id: string, text: string): Promise<void>
  /** Asks the main process and all it started to end, and makes them when the time is over. */
  stop(id: string, graceMs: number, signal: AbortSignal): Promise<ProcessExit | undefined>
  /** Stops, and removes the place with everything in it but the log that is still being read. */
  destroy(id: string, signal: AbortSignal): Promise<void>
  /** Keeps what has been installed under a name, so that the next instance of the component installs fast; absent = cannot. */
  readonly keepPrepared?: ((id: string, key: string, signal: AbortSignal) => Promise<void>) | undefined
  /** The image kept under this name, to be given as `spec.image`; undefined when there is none. Present where `keepPrepared` is. */
  readonly findPrepared?: ((key: string, signal: AbortSignal) => Promise<string | undefined>) | undefined
  /** The newest lines, and what comes, of the instance's output; bounded on disk. */
  readLog(
    id: string,
    options: { readonly lines: number; readonly isFollowed: boolean },
    signal: AbortSignal,
  ): AsyncIterable<string>
  onEvent(listener: (event: RuntimeEvent) => void): () => void
}
