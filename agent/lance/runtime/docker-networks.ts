/**
 * A network for the containers of each application on this host: they reach each other, and nobody else reaches in them what they do not
 * provide. It is made with the first container and goes with the last.
 */
import type Docker from 'dockerode'
import type { ContainerCreateOptions } from 'dockerode'
import { Turns } from '#protocol/runtime/turns.ts'
import { ask, askMaybe, statusOf } from './docker-engine.ts'
import { labelNames, networkName, ownLabels } from './docker-place.ts'
import type { DockerRuntimeOptions } from './runtime-options.ts'

/** Containers that wait to be made: more than a host has instances. */
const waitingMax = 1000

export class DockerNetworks {
  readonly #engine: Docker
  readonly #options: DockerRuntimeOptions
  /** One that is just being given its first container does not go. */
  readonly #turns = new Turns({ atOnceMax: 1, waitingMax })

  constructor(engine: Docker, options: DockerRuntimeOptions) {
    this.#engine = engine
    this.#options = options
  }

  /** Makes a container, in the network of its application. Throws RUNTIME_UNAVAILABLE, RUNTIME_REFUSED, DISK_FULL. */
  create(made: ContainerCreateOptions, signal: AbortSignal): Promise<void> {
    return this.#turns.run(async () => {
      const application = made.Labels?.[labelNames.application]
      if (application !== undefined) await this.#ensure(application, signal)
      await ask(`make ${made.name}`, signal, (abortSignal) => this.#engine.createContainer({ ...made, abortSignal }))
    }, signal)
  }

  /** Removes those that no container is made for any more. Throws RUNTIME_UNAVAILABLE. */
  async prune(signal: AbortSignal): Promise<void> {
    const label = Object.entries(ownLabels(this.#options)).map(([name, value]) => `${name}=${value}`)
    const filters = { label }
    await this.#turns.run(async () => {
      const [networks, containers] = await Promise.all([
        ask('list networks', signal, (abortSignal) => this.#engine.listNetworks({ filters, abortSignal })),
        ask('list containers', signal, (abortSignal) =>
          this.#engine.listContainers({ all: true, filters, abortSignal }),
        ),
      ])
      const used = new Set(containers.map(({ Labels }) => Labels[labelNames.application]))
      const unused = networks.filter(({ Labels }) => !used.has(Labels?.[labelNames.application]))
      await Promise.all(unused.map(({ Id }) => this.#remove(Id, signal)))
    }, signal)
  }

  async #ensure(application: string, signal: AbortSignal): Promise<void> {
    const name = networkName(this.#options, application)
    const known = await askMaybe(`look for the network ${name}`, signal, () => this.#engine.getNetwork(name).inspect())
    if (known) return
    const Labels = { ...ownLabels(this.#options), [labelNames.application]: application }
    await ask(`make the network ${name}`, signal, (abortSignal) =>
      this.#engine.createNetwork({ Name: name, CheckDuplicate: true, Driver: 'bridge', Labels, abortSignal }),
    ).catch((error: unknown) => {
      if (statusOf(error) !== 409) throw error // else it was made meanwhile
    })
  }

  /** Somebody else's container in it keeps it. */
  async #remove(id: string, signal: AbortSignal): Promise<void> {
    await askMaybe('remove a network', signal, (abortSignal) =>
      this.#engine.getNetwork(id).remove({ abortSignal }),
    ).catch((error: unknown) => {
      if (statusOf(error) !== 403) throw error
    })
  }
}
