/**
 * Instances in containers of this host's Docker engine. A container of which something is to be done before the start waits in a
 * shell: handlers run in it by exec, then it becomes the start command. What it is made of stands in its labels and in the place's page; nothing is
 * remembered here that those do not say.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type Docker from 'dockerode'
import type { ContainerCreateOptions, ContainerInspectInfo } from 'dockerode'
import { partsInside } from '#protocol/archive/member-path.ts'
import { textMember, type WrittenMember, writeTar } from '#protocol/archive/tar-writer.ts'
import { isLanistaError, LanistaError } from '#protocol/errors.ts'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import { makeFolder } from '#protocol/runtime/data-folder.ts'
import { readSecretFile, writeSecretFile } from '#protocol/runtime/secret-file.ts'
import { asDiskFull } from './directory-place.ts'
import { DockerContainers, exitOf } from './docker-containers.ts'
import { containerContents } from './docker-contents.ts'
import { ask, openEngine, statusOf } from './docker-engine.ts'
import { execIn, launchIn } from './docker-exec.ts'
import { ensureImage, findImage, keepImage, parseImageCommand, preparedImage } from './docker-image.ts'
import { readContainerLog } from './docker-log.ts'
import { DockerNetworks } from './docker-networks.ts'
import {
  containerOptions,
  goFile,
  goScript,
  imageOf,
  insideFolder,
  labelNames,
  waitsForGo,
  withCommand,
} from './docker-place.ts'
import { DockerWatch } from './docker-watch.ts'
import { everyAddress, mappedHostPorts } from './host-ports.ts'
import type { CommandResult, FoundInstance, InstanceRuntime, ProcessExit, RuntimeEvent } from './instance-runtime.ts'
import { makeMembersFolder, membersBind, membersFileInside, writeMembersFile } from './member-file.ts'
import { noPlace, notRunning } from './place-errors.ts'
import {
  type PlaceRecord,
  placeDigest,
  placeFolder,
  placeRecordOf,
  readPlace,
  readPlaces,
  writePlace,
} from './place-record.ts'
import { bootMs } from './process-exit.ts'
import type { DockerRuntimeOptions, RuntimeDeps } from './runtime-options.ts'
import { allowedBinds } from './volumes.ts'

type Environment = Readonly<Record<string, string>>

/** How a container is made that needs nothing before its start: it is made then, for its environment is known then. */
const directFile = (place: string): string => join(place, 'container.json')
/** How long what was killed may take to be gone, ms. */
const killTimeoutMs = 30_000

export class DockerRuntime implements InstanceRuntime {
  readonly kind = 'docker'
  readonly hasOwnCgroups = true
  readonly #options: DockerRuntimeOptions
  readonly #deps: RuntimeDeps
  readonly #engine: Docker
  readonly #containers: DockerContainers
  readonly #networks: DockerNetworks
  readonly #watch: DockerWatch

  private constructor(engine: Docker, options: DockerRuntimeOptions, deps: RuntimeDeps) {
    this.#options = options
    this.#deps = deps
    this.#engine = engine
    this.#containers = new DockerContainers(engine, options, bootMs(deps.clock.now()))
    this.#networks = new DockerNetworks(engine, options)
    this.#watch = new DockerWatch(engine, options, deps, {
      list: (signal) => this.#containers.ids(signal),
      find: (id, signal) => this.#containers.find(id, this.#record(id), signal),
      wasAway: (fromMs, untilMs) => this.#containers.wasAway(fromMs, untilMs),
    })
  }

  /** Opens also while the engine is away, as unavailable; watches what an earlier agent left running. Throws what the file system throws. */
  static async open(options: DockerRuntimeOptions, deps: RuntimeDeps): Promise<DockerRuntime> {
    await makeFolder(options.folder)
    const runtime = new DockerRuntime(await openEngine(options.socketPath), options, deps)
    await runtime.#watch.look()
    return runtime
  }

  get isAvailable(): boolean {
    return this.#watch.isAvailable
  }

  async list(signal: AbortSignal): Promise<readonly FoundInstance[]> {
    const ids = new Set([
      ...(await this.#containers.ids(signal)).keys(),
      ...readPlaces(this.#options.folder, 'docker').map(({ id }) => id),
    ])
    const found = await Promise.all([...ids].map((id) => this.#containers.find(id, this.#record(id), signal)))
    return found.filter((one) => one !== undefined)
  }

  async prepare(spec: InstanceSpec, code: string | undefined, signal: AbortSignal): Promise<FoundInstance> {
    const { folder } = this.#options
    const place = placeFolder(folder, spec.id)
    for (const { path } of spec.files) partsInside(path)
    const volumes = await allowedBinds(spec.volumes, this.#options.volumesAllowed)
    const binds = spec.members ? [...volumes, membersBind(place)] : volumes
    const there = await this.#standing(spec, signal)
    if (there) {
      writePlace(place, { ...there, generation: spec.generation })
      return this.#found(spec.id, signal)
    }
    await this.#clear(spec.id, undefined, signal)
    await this.#containers.inspect(spec.id, signal) // its name is free, or refused as taken
    const image = await ensureImage(this.#engine, imageOf(spec), this.#options.registries, signal)
    const others = [...readPlaces(folder, 'directory'), ...readPlaces(folder, 'docker')]
    const taken = new Set(others.flatMap((other) => Object.values(other.hostPorts)))
    const hostPorts = await mappedHostPorts(spec, this.#options.ownAddress ?? everyAddress, taken)
    const record = placeRecordOf(spec, hostPorts)
    try {
      await makeFolder(place)
      writePlace(place, { ...record, generation: 0 })
      if (spec.members) await makeMembersFolder(place)
      const made = containerOptions(spec, this.#options, { hostPorts, image, binds })
      if (waitsForGo(spec)) await this.#makeWaiting(spec, made, code, signal)
      else writeSecretFile(directFile(place), JSON.stringify(made))
      writePlace(place, { ...record, generation: spec.generation })
    } catch (error) {
      throw asDiskFull(error)
    }
    return this.#found(spec.id, signal)
  }

  async run(
    id: string,
    command: readonly string[],
    options: { readonly environment: Environment; readonly timeoutMs: number },
    signal: AbortSignal,
  ): Promise<CommandResult> {
    const info = await this.#inspect(id, signal)
    const waits = info.Config.Labels[labelNames.waits] === 'true'
    if (!info.State.Running && !waits) throw notRunning(id)
    if (!info.State.Running) await this.#startWaiting(id, info, '', signal)
    const folder = waits ? insideFolder : undefined
    return execIn(this.#containers.handle(id), command, { ...options, folder }, this.#deps.clock, signal)
  }

  async start(
    id: string,
    command: readonly string[],
    options: { readonly environment: Environment },
    signal: AbortSignal,
  ): Promise<FoundInstance> {
    const there = await this.#found(id, signal)
    if (there.state !== 'running') await this.#startMain(id, command, options.environment, signal)
    const found = await this.#found(id, signal)
    this.#watch.addFound(found)
    return found
  }

  async launch(
    id: string,
    command: readonly string[],
    options: { readonly environment: Environment },
    signal: AbortSignal,
  ): Promise<void> {
    if ((await this.#found(id, signal)).state !== 'running') throw notRunning(id)
    const info = await this.#inspect(id, signal)
    const folder = info.Config.Labels[labelNames.waits] === 'true' ? insideFolder : undefined
    await launchIn(this.#containers.handle(id), command, { ...options, folder }, signal)
  }

  membersPath(): string {
    return membersFileInside
  }

  async writeMembers(id: string, text: string): Promise<void> {
    await writeMembersFile(placeFolder(this.#options.folder, id), text)
  }

  async stop(id: string, graceMs: number, signal: AbortSignal): Promise<ProcessExit | undefined> {
    const there = await this.#containers.find(id, this.#record(id), signal)
    if (there?.state !== 'running') return there?.exit
    await this.#signal(id, 'SIGTERM', signal)
    if (!(await this.#endsWithin(id, graceMs, signal))) {
      await this.#signal(id, 'SIGKILL', signal)
      await this.#endsWithin(id, killTimeoutMs, signal)
    }
    const info = await this.#containers.inspect(id, signal)
    if (!info?.State.Running) return info && exitOf(info)
    throw new LanistaError('STOP_FAILED', `look at the engine: found ${id} running 30 s after SIGKILL`, {
      data: { id },
    })
  }

  async destroy(id: string, signal: AbortSignal): Promise<void> {
    await this.#clear(id, () => this.#networks.prune(signal), signal)
  }

  /** The instance must not have been started. */
  async keepPrepared(id: string, key: string, signal: AbortSignal): Promise<void> {
    const { Id } = await this.#inspect(id, signal)
    await keepImage(this.#engine, Id, key, signal)
  }

  async findPrepared(key: string, signal: AbortSignal): Promise<string | undefined> {
    return (await findImage(this.#engine, preparedImage(key), signal)) && preparedImage(key)
  }

  readLog(
    id: string,
    options: { readonly lines: number; readonly isFollowed: boolean },
    signal: AbortSignal,
  ): AsyncIterable<string> {
    return readContainerLog(this.#containers.handle(id), options, this.#deps.clock, signal)
  }

  onEvent(listener: (event: RuntimeEvent) => void): () => void {
    return this.#watch.onEvent(listener)
  }

  /** Stops watching; what runs, runs on. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#watch.close()
  }

  /** Removes the container, and then the page: what is not done yet is known by it. */
  async #clear(id: string, meanwhile: (() => Promise<void>) | undefined, signal: AbortSignal): Promise<void> {
    const record = this.#record(id)
    this.#watch.remove(id)
    try {
      await this.#containers.remove(id, signal)
      await meanwhile?.()
    } catch (error) {
      // without a page it was never made here: an engine that is away is nobody's concern then
      if (record || !isLanistaError(error, 'RUNTIME_UNAVAILABLE')) throw error
    }
    if (record) await rm(placeFolder(this.#options.folder, id), { recursive: true, force: true })
  }

  #record(id: string): PlaceRecord | undefined {
    const record = readPlace(this.#options.folder, id)
    return record?.isolation === 'docker' ? record : undefined
  }

  /** The page of a place that was made from the same and is still whole. */
  async #standing(spec: InstanceSpec, signal: AbortSignal): Promise<PlaceRecord | undefined> {
    const record = this.#record(spec.id)
    if (!record || record.generation === 0 || record.digest !== placeDigest(spec)) return undefined
    const isThere = !waitsForGo(spec) || (await this.#containers.inspect(spec.id, signal)) !== undefined
    return isThere ? record : undefined
  }

  async #found(id: string, signal: AbortSignal): Promise<FoundInstance> {
    const found = await this.#containers.find(id, this.#record(id), signal)
    if (found) return found
    throw noPlace(id)
  }

  async #inspect(id: string, signal: AbortSignal): Promise<ContainerInspectInfo> {
    const info = await this.#containers.inspect(id, signal)
    if (info) return info
    throw noPlace(id)
  }

  async #makeWaiting(
    spec: InstanceSpec,
    made: ContainerCreateOptions,
    code: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#networks.create(made, signal)
    await this.#put(spec.id, containerContents(spec, code, signal), signal)
    await this.#startContainer(spec.id, signal)
  }

  async #startMain(
    id: string,
    command: readonly string[],
    environment: Environment,
    signal: AbortSignal,
  ): Promise<void> {
    const info = await this.#containers.inspect(id, signal)
    if (info?.Config.Labels[labelNames.waits] === 'true') {
      const image = parseImageCommand(info.Config.Labels[labelNames.imageCommand])
      const [words, folder] =
        command.length > 0 ? [command, insideFolder] : [image?.command ?? [], image?.folder ?? insideFolder]
      await this.#startWaiting(id, info, goScript(words, environment, folder), signal)
      return
    }
    await this.#startDirect(id, command, environment, signal)
  }

  /** Gives a waiting container something to run, or, with an empty text, lets one that has ended wait again. */
  async #startWaiting(id: string, info: ContainerInspectInfo, go: string, signal: AbortSignal): Promise<void> {
    await this.#put(id, [textMember(goFile.slice(1), go, 0o644)], signal)
    if (info.State.Running) await this.#signal(id, 'SIGUSR1', signal)
    else await this.#startContainer(id, signal)
  }

  async #startDirect(
    id: string,
    command: readonly string[],
    environment: Environment,
    signal: AbortSignal,
  ): Promise<void> {
    const text = readSecretFile(directFile(placeFolder(this.#options.folder, id)))
    if (text === undefined) throw noPlace(id)
    await this.#containers.remove(id, signal)
    const made = withCommand(JSON.parse(text) as ContainerCreateOptions, command, environment)
    await this.#networks.create(made, signal)
    await this.#startContainer(id, signal)
  }

  async #startContainer(id: string, signal: AbortSignal): Promise<void> {
    await ask(`start ${id}`, signal, (abortSignal) => this.#containers.handle(id).start({ abortSignal })).catch(
      (error: unknown) => {
        if (statusOf(error) !== 304) throw error // else it runs already
      },
    )
  }

  async #put(
    id: string,
    members: AsyncIterable<WrittenMember> | Iterable<WrittenMember>,
    signal: AbortSignal,
  ): Promise<void> {
    const archive = Readable.from(writeTar(members))
    let failure: unknown
    archive.once('error', (error) => {
      failure = error
    })
    try {
      await ask(`put files into ${id}`, signal, (abortSignal) =>
        this.#containers.handle(id).putArchive(archive, { path: '/', abortSignal }),
      )
    } catch (error) {
      throw failure ?? error
    }
  }

  /** Nothing to one that has ended meanwhile. */
  async #signal(id: string, name: string, signal: AbortSignal): Promise<void> {
    await ask(`signal ${id}`, signal, (abortSignal) =>
      this.#containers.handle(id).kill({ signal: name, abortSignal }),
    ).catch((error: unknown) => {
      const status = statusOf(error)
      if (status !== 409 && status !== 404) throw error
    })
  }

  async #endsWithin(id: string, ms: number, signal: AbortSignal): Promise<boolean> {
    const over = new AbortController()
    const cancel = this.#deps.clock.after(ms, () => over.abort())
    try {
      await this.#containers.handle(id).wait({ abortSignal: AbortSignal.any([signal, over.signal]) })
      return true
    } catch {
      signal.throwIfAborted()
      return false
    } finally {
      cancel()
    }
  }
}
