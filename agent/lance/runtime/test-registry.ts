/** Debian's image registry on a free port of this machine, behind a log-in; in tests. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type Docker from 'dockerode'
import { testImage } from './docker-stage.ts'
import type { RegistryLogin } from './runtime-options.ts'

/** What `htpasswd -nbB -C 4 lance secret` says. */
const knownLogin = 'lance:$2y$04$.SSrFo7ukHqKol/xRKCiBeb..gF72VI3g1As4ZWD.VXeK5XR.kLDy'

export class TestRegistry {
  readonly host: string
  readonly #login: RegistryLogin
  readonly #folder: string
  readonly #process: ChildProcess

  private constructor(host: string, login: RegistryLogin, folder: string, process: ChildProcess) {
    this.host = host
    this.#login = login
    this.#folder = folder
    this.#process = process
  }

  /** Lets in `lance` with the password `secret` alone. Throws when it ends before it listens. */
  static async open(login: RegistryLogin): Promise<TestRegistry> {
    const folder = await mkdtemp(join(tmpdir(), 'registry-'))
    const [config, passwords] = [join(folder, 'config.json'), join(folder, 'htpasswd')]
    await writeFile(passwords, `${knownLogin}\n`)
    const settings = {
      version: '0.1',
      log: { level: 'info', formatter: 'json' },
      storage: { filesystem: { rootdirectory: join(folder, 'images') } },
      http: { addr: '127.0.0.1:0' },
      auth: { htpasswd: { realm: 'test', path: passwords } },
    }
    await writeFile(config, JSON.stringify(settings))
    const child = spawn('docker-registry', ['serve', config], { stdio: ['ignore', 'ignore', 'pipe'] })
    for await (const line of createInterface({ input: child.stderr })) {
      const host = /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1]
      if (host === undefined) continue
      child.stderr.resume()
      return new TestRegistry(host, login, folder, child)
    }
    throw new Error('docker-registry ended before it listened: see scripts/setup-test-host.sh')
  }

  /**
   * The image of the tests with one more variable, pushed, and not kept by the engine; resolves to its name by digest.
   * @param name without the registry, with a tag
   */
  async push(engine: Docker, name: string, variable: string): Promise<string> {
    const [repository = '', tag = ''] = name.split(':')
    const repo = `${this.host}/${repository}`
    const container = await engine.createContainer({ Image: testImage })
    await container.commit({ repo, tag, changes: `ENV ${variable}` })
    await container.remove()
    const image = engine.getImage(`${repo}:${tag}`)
    const authconfig = { ...this.#login, serveraddress: this.host }
    const stream = await image.push({ authconfig })
    await new Promise<void>((resolve, reject) => {
      engine.modem.followProgress(stream, (error) => (error ? reject(error) : resolve()))
    })
    const digests: readonly string[] = (await image.inspect()).RepoDigests
    await image.remove({ force: true })
    return digests.find((each) => each.startsWith(`${repo}@`)) ?? ''
  }

  async close(): Promise<void> {
    const exit = once(this.#process, 'exit')
    if (this.#process.kill()) await exit
    await rm(this.#folder, { recursive: true })
  }
}
