/**
 * Instances in directories of this host: each with its folder, its own session and process group, and limits by systemd where it runs, else
 * by the shell. Nothing is remembered here that the folders and the process table do not say, so a new agent finds what an old one left.
 */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { refused } from '#protocol/archive/member-path.ts'
import { LanistaError } from '#protocol/errors.ts'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import { Closer } from '#protocol/runtime/closer.ts'
import { makeFolder } from '#protocol/runtime/data-folder.ts'
import { readLogFiles } from '../log/log-files.ts'
import {
  asDiskFull,
  controlFolder,
  endOfMain,
  forgetMain,
  logFile,
  makePlace,
  readExit,
  readSupervisor,
  workFolder,
} from './directory-place.ts'
import { ExitWatch } from './exit-watch.ts'
import { everyAddress, ownHostPorts } from './host-ports.ts'
import type { CommandResult, FoundInstance, InstanceRuntime, ProcessExit, RuntimeEvent } from './instance-runtime.ts'
import {
  logVariable,
  type ProcessRow,
  placeVariable,
  processesMarked,
  readProcesses,
  signalAll,
} from './marked-processes.ts'
import { membersFile, writeMembersFile } from './member-file.ts'
import { noPlace, notRunning } from './place-errors.ts'
import { type PlaceRecord, placeDigest, placeFolder, readPlace, readPlaces, writePlace } from './place-record.ts'
import { unseenExit } from './process-exit.ts'
import { runCommand } from './run-command.ts'
import type { DirectoryRuntimeOptions, RuntimeDeps } from './runtime-options.ts'
import { supervised } from './supervisor.ts'
import { canUseSystemd, systemdScope } from './systemd-scope.ts'

/** How long a main process may take to appear once its shell is started, ms. */
const startTimeoutMs = 5000
/** How long what was killed may take to be gone, ms: a process in an uninterruptible wait may take for ever. */
const killTimeoutMs = 10_000
/** How often the process table is read while an end is waited for, ms: a read costs some ten. */
const pollMs = 50
/** How often the one file is looked for that tells of a start, ms. */
const startPollMs = 5

export class DirectoryRuntime implements InstanceRuntime {
  readonly kind = 'directory'
  readonly isAvailable = true
  readonly hasOwnCgroups: boolean = canUseSystemd()
  readonly #options: DirectoryRuntimeOptions
  readonly #deps: RuntimeDeps
  readonly #watch: ExitWatch
  readonly #closer = new Closer()

  private constructor(options: DirectoryRuntimeOptions, deps: RuntimeDeps) {
    this.#options = options
    this.#deps = deps
    this.#watch = new ExitWatch((id) => endOfMain(placeFolder(options.folder, id)), deps)
    this.#closer.use('exit watch', this.#watch)
  }

  /** Makes the root folder, and watches what an earlier agent left running. Throws what the file system throws. */
  static async open(
    options: DirectoryRuntimeOptions,
    deps: RuntimeDeps,
    signal: AbortSignal,
  ): Promise<DirectoryRuntime> {
    await makeFolder(options.folder)
    const runtime = new DirectoryRuntime(options, deps)
    for (const { id, state } of await runtime.list(signal)) if (state === 'running') runtime.#watch.add(id)
    return runtime
  }

  async list(signal: AbortSignal): Promise<readonly FoundInstance[]> {
    const places = readPlaces(this.#options.folder, 'directory')
    const rows = places.length === 0 ? [] : await readProcesses()
    signal.throwIfAborted()
    return Promise.all(places.map((record) => this.#found(record, rows)))
  }

  async prepare(spec: InstanceSpec, code: string | undefined, signal: AbortSignal): Promise<FoundInstance> {
    const { folder } = this.#options
    const place = placeFolder(folder, spec.id)
    if (spec.volumes.length > 0)
      throw refused(spec.volumes[0] ?? '', 'no volumes: a directory has the host’s own files')
    const there = readPlace(folder, spec.id)
    if (there?.digest === placeDigest(spec) && there.generation > 0) {
      const record = { ...there, generation: spec.generation }
      writePlace(place, record)
      return this.#found(record, await readProcesses())
    }
    await this.#endAll(spec.id, signal)
    const all = readPlaces(folder, 'directory').concat(readPlaces(folder, 'docker'))
    const others = all.filter(({ id }) => id !== spec.id)
    const taken = new Set(others.flatMap((other) => Object.values(other.hostPorts)))
    const hostPorts = await ownHostPorts(spec, this.#options.ownAddress ?? everyAddress, taken)
    const before = there?.delivered ?? { files: [], hasCode: false }
    return this.#found(await makePlace(place, spec, hostPorts, code, before, signal), await readProcesses())
  }

  async run(
    id: string,
    command: readonly string[],
    options: { readonly environment: Readonly<Record<string, string>>; readonly timeoutMs: number },
    signal: AbortSignal,
  ): Promise<CommandResult> {
    this.#recordOf(id)
    const place = placeFolder(this.#options.folder, id)
    const at = { folder: workFolder(place), environment: this.#environment(place, options.environment) }
    return runCommand(command, { ...at, timeoutMs: options.timeoutMs }, this.#deps.clock, signal)
  }

  async start(
    id: string,
    command: readonly string[],
    options: { readonly environment: Readonly<Record<string, string>> },
    signal: AbortSignal,
  ): Promise<FoundInstance> {
    const record = this.#recordOf(id)
    const place = placeFolder(this.#options.folder, id)
    const there = await this.#look(id)
    if (there?.state === 'running') return this.#watched(there)
    await forgetMain(place)
    try {
      await this.#spawnMain(record, command, options.environment)
    } catch (error) {
      throw asDiskFull(error)
    }
    return this.#watched(await this.#started(id, signal))
  }

  async launch(
    id: string,
    command: readonly string[],
    options: { readonly environment: Readonly<Record<string, string>> },
    signal: AbortSignal,
  ): Promise<void> {
    const record = this.#recordOf(id)
    const place = placeFolder(this.#options.folder, id)
    const supervisor = await readSupervisor(place)
    const main = mainOf(await readProcesses(), supervisor)
    signal.throwIfAborted()
    if (!main) throw notRunning(id)
    const environment = { ...options.environment, [logVariable]: `/proc/${main.pid}/fd/1` }
    const scope = this.hasOwnCgroups ? systemdScope(id, randomUUID(), record.resources) : []
    await this.#spawn(place, [...scope, ...command], environment)
  }

  membersPath(id: string): string {
    return membersFile(placeFolder(this.#options.folder, id))
  }

  async writeMembers(id: string, text: string): Promise<void> {
    await writeMembersFile(placeFolder(this.#options.folder, id), text)
  }

  async stop(id: string, graceMs: number, signal: AbortSignal): Promise<ProcessExit | undefined> {
    const place = placeFolder(this.#options.folder, id)
    const record = readPlace(this.#options.folder, id)
    if (record?.isolation !== 'directory') return undefined
    const { clock } = this.#deps
    const graceEndsMs = clock.monotonic() + graceMs
    const asked = new Set<number>()
    // a main process that is just being started is waited for: it has no session of its own yet, and would outlive its stop
    for (
      let targets = await this.#targets(place);
      !(await isOver(place, targets));
      targets = await this.#targets(place)
    ) {
      const isAsked = clock.monotonic() < graceEndsMs
      signalAll(isAsked ? targets.filter(({ pid }) => !asked.has(pid)) : targets, isAsked ? 'SIGTERM' : 'SIGKILL')
      for (const { pid } of targets) asked.add(pid)
      if (clock.monotonic() > graceEndsMs + killTimeoutMs) throw stillAlive(targets)
      await clock.sleep(pollMs, signal)
    }
    return (await this.#found(record, await readProcesses())).exit
  }

  async destroy(id: string, signal: AbortSignal): Promise<void> {
    const place = placeFolder(this.#options.folder, id)
    if (readPlace(this.#options.folder, id)?.isolation !== 'directory') return
    await this.#endAll(id, signal)
    // the page goes last: a folder that could not be removed whole is still known as ours
    for (const name of ['control', 'work', 'log']) await rm(join(place, name), { recursive: true, force: true })
    await rm(place, { recursive: true, force: true })
  }

  readLog(
    id: string,
    options: { readonly lines: number; readonly isFollowed: boolean },
    signal: AbortSignal,
  ): AsyncIterable<string> {
    const path = logFile(placeFolder(this.#options.folder, id))
    return readLogFiles({ path, filesMax: this.#options.logFilesMax, ...options }, this.#deps.clock, signal)
  }

  onEvent(listener: (event: RuntimeEvent) => void): () => void {
    return this.#watch.onExit((id, exit) => listener({ kind: 'exited', id, exit }))
  }

  /** Stops watching; what runs, runs on. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#closer.close()
  }

  #recordOf(id: string): PlaceRecord {
    const record = readPlace(this.#options.folder, id)
    if (record?.isolation === 'directory') return record
    throw noPlace(id)
  }

  /** Nothing of the agent's own environment: it may hold secrets. */
  #environment(place: string, own: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    return {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: workFolder(place),
      LANG: 'C.UTF-8',
      ...own,
      [placeVariable]: place,
    }
  }

  async #spawnMain(
    { id, resources }: PlaceRecord,
    command: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): Promise<void> {
    const { folder, logBytesMax, logFilesMax } = this.#options
    const place = placeFolder(folder, id)
    const scope = this.hasOwnCgroups ? systemdScope(id, String(this.#deps.clock.now()), resources) : []
    const { memoryBytes, processes } = scope.length > 0 ? {} : resources
    const words = [
      ...scope,
      ...supervised(command, {
        controlFolder: controlFolder(place),
        logFile: logFile(place),
        logBytesMax,
        logFilesMax,
        dataKib: memoryBytes === undefined ? undefined : Math.ceil(memoryBytes / 1024),
        processes,
      }),
    ]
    await this.#spawn(place, words, environment)
  }

  /** In a session of its own, without a tie to this agent. */
  async #spawn(
    place: string,
    [program = '', ...words]: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): Promise<void> {
    const child = spawn(program, words, {
      cwd: workFolder(place),
      env: this.#environment(place, environment),
      stdio: 'ignore',
      detached: true,
    })
    child.unref()
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject))
  }

  async #started(id: string, signal: AbortSignal): Promise<FoundInstance> {
    const { clock } = this.#deps
    const place = placeFolder(this.#options.folder, id)
    for (const deadline = clock.monotonic() + startTimeoutMs; clock.monotonic() < deadline; ) {
      const supervisor = await readSupervisor(place)
      const rows = supervisor === undefined ? [] : await readProcesses()
      const found = supervisor === undefined ? undefined : await this.#found(this.#recordOf(id), rows)
      if (found?.state === 'exited' || (found && mainOf(rows, supervisor))) return found
      await clock.sleep(startPollMs, signal)
    }
    throw new LanistaError('START_FAILED', `look at the host: found no process of ${id}, expected one within 5 s`)
  }

  #watched(found: FoundInstance): FoundInstance {
    this.#watch.add(found.id)
    return found
  }

  async #look(id: string): Promise<FoundInstance | undefined> {
    const record = readPlace(this.#options.folder, id)
    return record && this.#found(record, await readProcesses())
  }

  async #found(record: PlaceRecord, rows: readonly ProcessRow[]): Promise<FoundInstance> {
    const place = placeFolder(this.#options.folder, record.id)
    const [supervisor, exit] = [await readSupervisor(place), await readExit(place)]
    const ours = processesMarked(rows, markOf(place))
    const isSupervised = ours.some(({ pid }) => pid === supervisor)
    const state = exit ? 'exited' : isSupervised ? 'running' : supervisor === undefined ? 'prepared' : 'exited'
    return {
      id: record.id,
      generation: record.generation,
      state,
      exit: state === 'exited' ? (exit ?? unseenExit) : undefined,
      hostPorts: record.hostPorts,
      address: this.#options.ownAddress,
      processes: mainFirst(ours, supervisor),
      detail: supervisor === undefined ? {} : { supervisor },
    }
  }

  /** All of the instance but the shell that waits to tell how the main process ended, and its log. */
  async #targets(place: string): Promise<readonly ProcessRow[]> {
    const supervisor = await readSupervisor(place)
    return processesMarked(await readProcesses(), markOf(place)).filter(({ group }) => group !== supervisor)
  }

  /** Kills all that an instance has running, and watches it no more. */
  #endAll(id: string, signal: AbortSignal): Promise<void> {
    const mark = markOf(placeFolder(this.#options.folder, id))
    this.#watch.remove(id)
    return this.#killAll(async () => processesMarked(await readProcesses(), mark), signal)
  }

  /** Again and again: what forks while it is killed leaves others. Throws STOP_FAILED when some are still there after 10 s. */
  async #killAll(find: () => Promise<readonly ProcessRow[]>, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps
    const deadline = clock.monotonic() + killTimeoutMs
    for (let rows = await find(); rows.length > 0; rows = await find()) {
      signalAll(rows, 'SIGKILL')
      if (clock.monotonic() > deadline) throw stillAlive(rows)
      await clock.sleep(pollMs, signal)
    }
  }
}

const markOf = (place: string): string => `${placeVariable}=${place}`

/** The one that the supervising shell, or the half of it that writes no log, has put into a session of its own. */
function mainOf(rows: readonly ProcessRow[], supervisor: number | undefined): ProcessRow | undefined {
  const shells = new Set(rows.filter(({ group }) => group === supervisor).map(({ pid }) => pid))
  return rows.find(({ group, parent }) => group !== supervisor && shells.has(parent))
}

/** Process ids of what runs, without the supervising shell. */
function mainFirst(ours: readonly ProcessRow[], supervisor: number | undefined): readonly number[] {
  const main = mainOf(ours, supervisor)?.pid
  const pids = ours.filter(({ group }) => group !== supervisor).map(({ pid }) => pid)
  return main === undefined ? pids : [main, ...pids.filter((pid) => pid !== main)]
}

/** Nothing of it runs, and how the main process ended has been told. */
async function isOver(place: string, targets: readonly ProcessRow[]): Promise<boolean> {
  return targets.length === 0 && (await endOfMain(place)) !== undefined
}

function stillAlive(rows: readonly ProcessRow[]): LanistaError {
  const pids = rows.map(({ pid }) => pid)
  return new LanistaError('STOP_FAILED', `look at processes ${pids.join(', ')}: found them alive 10 s after SIGKILL`)
}
