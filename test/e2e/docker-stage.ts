/** What a fleet has on an engine and on this machine, and its end where a test broke off. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { openTestEngine, type TestEngine } from '#agent/lance/runtime/docker-stage.ts'

/** Debian's `iproute2`. */
const addressProgram = 'ip'
/** Containers and networks of the tenant of `up`. */
const ours = { filters: { label: ['lanista.tenant=default'] } }

export class DockerStage {
  readonly #engine: TestEngine

  private constructor(engine: TestEngine) {
    this.#engine = engine
  }

  static async open(): Promise<DockerStage> {
    return new DockerStage(await openTestEngine())
  }

  /** For the environment of `up` and `docker`. */
  get dockerHost(): string {
    return `unix://${this.#engine.socketPath}`
  }

  /** Names and starts of an application's containers: the same while nothing was started again. */
  async containers(application: string): Promise<string[]> {
    const all = await this.#engine.engine.listContainers({ all: true, ...ours })
    const own = all.filter(({ Labels }) => Labels['lanista.application'] === application)
    const infos = await Promise.all(own.map(({ Id }) => this.#engine.engine.getContainer(Id).inspect()))
    return infos.map(({ Name, State }) => `${Name} ${State.StartedAt}`).toSorted()
  }

  async networks(application: string): Promise<string[]> {
    const all = await this.#engine.engine.listNetworks(ours)
    return all.flatMap(({ Name, Labels }) => (Labels?.['lanista.application'] === application ? [Name] : [])).toSorted()
  }

  /** Removes what is left of an application. */
  async clear(application: string): Promise<void> {
    const { engine } = this.#engine
    for (const name of await this.containers(application)) {
      await engine.getContainer(name.slice(1).split(' ')[0] ?? '').remove({ force: true })
    }
    for (const name of await this.networks(application)) await engine.getNetwork(name).remove()
  }

  close(): Promise<void> {
    return this.#engine.close()
  }
}

/** Addresses that this machine has of those that the hosts of a data folder were given. */
export function addressesHeld(data: string): string[] {
  const own = new Set(Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)))
  return hostFolders(data).flatMap((folder) => {
    const { instances } = JSON.parse(readFileSync(join(folder, 'agent.json'), 'utf8')) as {
      instances: { cloudAddress?: string }
    }
    return own.has(instances.cloudAddress ?? '') ? [instances.cloudAddress ?? ''] : []
  })
}

/** Takes them away. */
export function releaseAddresses(data: string): void {
  for (const address of addressesHeld(data)) {
    execFileSync(addressProgram, ['-4', 'address', 'del', `${address}/32`, 'dev', 'lo'])
  }
}

/** Folders of instances that hosts still have. */
export function instanceFolders(data: string): string[] {
  return hostFolders(data).flatMap((folder) => {
    const instances = join(folder, 'instances')
    return existsSync(instances) ? readdirSync(instances).map((name) => join(instances, name)) : []
  })
}

function hostFolders(data: string): string[] {
  const agents = join(data, 'agents')
  return existsSync(agents) ? readdirSync(agents).map((name) => join(agents, name)) : []
}
