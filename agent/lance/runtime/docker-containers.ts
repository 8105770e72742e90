/** Our containers on an engine: looked up by name and label, and turned into what the life cycle knows. Nobody else's are touched. */

import type Docker from 'dockerode'
import type { ContainerInspectInfo } from 'dockerode'
import { isLanistaError, LanistaError } from '#protocol/errors.ts'
import { ask, askMaybe } from './docker-engine.ts'
import { preparedKeyOf } from './docker-image.ts'
import { containerName, goFile, labelNames, ownLabels } from './docker-place.ts'
import type { FoundInstance, ProcessExit } from './instance-runtime.ts'
import type { PlaceRecord } from './place-record.ts'
import { exitOfStatus, unseenExit } from './process-exit.ts'
import type { DockerRuntimeOptions } from './runtime-options.ts'

/** As the engine lists them. */
const upStates = new Set(['running', 'paused', 'restarting'])

export class DockerContainers {
  readonly #engine: Docker
  readonly #options: DockerRuntimeOptions
  /** Container and start of those seen to have got their go: it is not taken back while they run. */
  readonly #gone = new Map<string, string>()
  readonly #bootMs: number
  /** When the engine was gone last, epoch ms. */
  #away: readonly [fromMs: number, untilMs: number] | undefined

  /** @param bootMs when the machine started, epoch ms: what ended before was ended by its shutdown */
  constructor(engine: Docker, options: DockerRuntimeOptions, bootMs: number) {
    this.#engine = engine
    this.#options = options
    this.#bootMs = bootMs
  }

  /** What ended in this time may have been ended by the engine: its code says nothing of how the component did. */
  wasAway(fromMs: number, untilMs: number): void {
    this.#away = [fromMs, untilMs]
  }

  handle(id: string): Docker.Container {
    return this.#engine.getContainer(containerName(this.#options.tenant, id))
  }

  /** Ids of all of ours, and whether each is up. One request. Throws RUNTIME_UNAVAILABLE. */
  async ids(signal: AbortSignal): Promise<ReadonlyMap<string, boolean>> {
    const label = Object.entries(ownLabels(this.#options)).map(([name, value]) => `${name}=${value}`)
    const all = await ask('list containers', signal, (abortSignal) =>
      this.#engine.listContainers({ all: true, filters: { label }, abortSignal }),
    )
    const named = all.map(({ Labels, State }) => [Labels[labelNames.instance] ?? '', upStates.has(State)] as const)
    return new Map(named.filter(([id]) => id !== ''))
  }

  /**
   * The instance's container; undefined when there is none.
   * @throws LanistaError RUNTIME_UNAVAILABLE, NAME_TAKEN when somebody else's container has its name
   */
  async inspect(id: string, signal: AbortSignal): Promise<ContainerInspectInfo | undefined> {
    const info = await askMaybe(`look at ${id}`, signal, (abortSignal) => this.handle(id).inspect({ abortSignal }))
    if (!info) return undefined
    const labels = { ...ownLabels(this.#options), [labelNames.instance]: id }
    if (Object.entries(labels).every(([name, value]) => info.Config.Labels[name] === value)) return info
    throw new LanistaError(
      'NAME_TAKEN',
      `rename the container ${info.Name}: found it to be of somebody else, expected ${id}`,
      { data: { id, container: info.Id } },
    )
  }

  /** What is there of an instance, by its container or, where that is gone or not made yet, by its page; undefined when neither is there. */
  async find(id: string, record: PlaceRecord | undefined, signal: AbortSignal): Promise<FoundInstance | undefined> {
    const info = await this.#own(id, signal)
    if (!info) return record && { ...record, state: 'prepared', processes: [], detail: {} }
    const { Labels } = info.Config
    const state = await this.#stateOf(info, signal)
    const prepared = preparedKeyOf(info.Config.Image)
    return {
      id,
      generation: record?.generation ?? Number(Labels[labelNames.generation] ?? 0),
      state,
      exit: state === 'exited' ? this.#ownExit(info) : undefined,
      hostPorts: record?.hostPorts ?? {},
      address: addressOf(info),
      processes: info.State.Pid > 0 ? [info.State.Pid] : [],
      detail: { container: info.Id, image: info.Image, ...(prepared === undefined ? {} : { prepared }) },
    }
  }

  #ownExit(info: ContainerInspectInfo): ProcessExit {
    const endedMs = Date.parse(info.State.FinishedAt)
    const [fromMs, untilMs] = this.#away ?? [Number.POSITIVE_INFINITY, 0]
    const isEndedForIt = endedMs < this.#bootMs || (endedMs >= fromMs && endedMs <= untilMs)
    return isEndedForIt ? unseenExit : exitOf(info)
  }

  /** Removes the container with its volumes; nothing when there is none of ours. Throws RUNTIME_UNAVAILABLE. */
  async remove(id: string, signal: AbortSignal): Promise<void> {
    const info = await this.#own(id, signal)
    if (!info) return
    this.#gone.delete(info.Id)
    await askMaybe(`remove ${id}`, signal, (abortSignal) =>
      this.#engine.getContainer(info.Id).remove({ force: true, v: true, abortSignal }),
    )
  }

  /** One of our name that is somebody else's keeps nobody from knowing, or removing, what is ours. */
  #own(id: string, signal: AbortSignal): Promise<ContainerInspectInfo | undefined> {
    return this.inspect(id, signal).catch((error: unknown) => {
      if (isLanistaError(error, 'NAME_TAKEN')) return undefined
      throw error
    })
  }

  async #stateOf(info: ContainerInspectInfo, signal: AbortSignal): Promise<FoundInstance['state']> {
    const isUp = info.State.Running || info.State.Paused || info.State.Restarting
    const isStarted = await this.#isStarted(info, signal)
    if (!isStarted) return 'prepared'
    return isUp ? 'running' : 'exited'
  }

  /** A container that waits has started once it has been given something to run; another, once it ran. */
  async #isStarted(info: ContainerInspectInfo, signal: AbortSignal): Promise<boolean> {
    if (info.Config.Labels[labelNames.waits] !== 'true') return info.State.Status !== 'created'
    if (info.State.Running && this.#gone.get(info.Id) === info.State.StartedAt) return true
    const isStarted = (await this.#goBytes(info.Id, signal)) > 0
    if (isStarted && info.State.Running) this.#gone.set(info.Id, info.State.StartedAt)
    return isStarted
  }

  async #goBytes(container: string, signal: AbortSignal): Promise<number> {
    const answer = await askMaybe('look at a container', signal, (abortSignal) =>
      this.#engine.getContainer(container).infoArchive({ path: goFile, abortSignal }),
    )
    if (!answer) return 0
    const stat =
      (answer as unknown as { headers: Record<string, string> }).headers['x-docker-container-path-stat'] ?? ''
    answer.resume()
    const { size } = JSON.parse(Buffer.from(stat, 'base64').toString()) as { size: number }
    return size
  }
}

/** Its address on the first of its networks; absent while it has none. */
function addressOf({ NetworkSettings: { Networks } }: ContainerInspectInfo): string | undefined {
  return Object.values(Networks).find(({ IPAddress }) => IPAddress !== '')?.IPAddress
}

/** How its main process ended. */
export function exitOf({ State }: ContainerInspectInfo): ProcessExit {
  if (State.Status === 'created') return unseenExit
  return exitOfStatus(State.ExitCode, State.OOMKilled)
}
