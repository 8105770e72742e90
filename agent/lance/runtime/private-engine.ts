/**
 * A Docker engine for one test file alone, which may stop, kill and start it again: it shares no socket, no folder and no packet filter with any
 * other, so containers have no network but their own loop.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { link, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type Docker from 'dockerode'
import { openEngine } from './docker-engine.ts'
import { importTestImage } from './docker-stage.ts'

const engineProgram = '/usr/sbin/dockerd'
/** How long it may take to answer, or to end, ms. */
const patienceMs = 60_000
const againMs = 50

export class PrivateEngine {
  readonly socketPath: string
  readonly engine: Docker
  readonly #folder: string
  #process: ChildProcess | undefined

  private constructor(folder: string, engine: Docker) {
    this.#folder = folder
    this.socketPath = join(folder, 'docker.sock')
    this.engine = engine
  }

  /** Started, with the image of the tests. Throws when it does not answer within a minute. */
  static async open(...words: readonly string[]): Promise<PrivateEngine> {
    const folder = await mkdtemp(join(tmpdir(), 'engine-'))
    const one = new PrivateEngine(folder, await openEngine(join(folder, 'docker.sock')))
    await one.start(...words)
    await importTestImage(one.engine)
    return one
  }

  /** @param words more of its command line, as `--live-restore` */
  async start(...words: readonly string[]): Promise<void> {
    const folder = this.#folder
    const own = { 'data-root': `${folder}/data`, 'exec-root': `${folder}/exec`, pidfile: `${folder}/pid` }
    const places = Object.entries({ host: `unix://${this.socketPath}`, ...own })
    const alone = ['--bridge=none', '--iptables=false', '--ip-forward=false', '--storage-driver=vfs']
    const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` }
    const line = [...places.map(([name, value]) => `--${name}=${value}`), ...alone, ...words]
    this.#process = spawn(engineProgram, line, { stdio: 'ignore', env })
    for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await delay(againMs)) {
      if (await this.#answers()) return
    }
    throw new Error('dockerd did not answer within a minute: see scripts/setup-test-host.sh')
  }

  /** Ends it; what its containers do then is its own decision. */
  async stop(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const running = this.#process
    this.#process = undefined
    if (!running) return
    const exit = once(running, 'exit')
    running.kill(signal)
    await exit
    // a killed engine takes its containerd along, and one that starts at once takes the old numbers for living processes
    if (signal === 'SIGKILL') for (const file of this.#pidFiles) await rm(file, { force: true })
  }

  /** The socket is gone, though the engine and what is connected to it go on; until the returned function is called. */
  async hideSocket(): Promise<() => Promise<void>> {
    const aside = `${this.socketPath}.aside`
    await link(this.socketPath, aside)
    await rm(this.socketPath)
    return () => rename(aside, this.socketPath)
  }

  /** Ends everything of it and removes it. */
  async close(): Promise<void> {
    if (await this.#answers()) await removeNetworks(this.engine)
    await this.stop('SIGTERM')
    await this.#endHelper()
    // an engine mounts its folder upon itself, and a killed one leaves that
    while (unmounted(`${this.#folder}/data`)) {}
    await rm(this.#folder, { recursive: true, force: true })
  }

  get #pidFiles(): readonly string[] {
    return [`${this.#folder}/pid`, `${this.#folder}/exec/containerd/containerd.pid`]
  }

  async #answers(): Promise<boolean> {
    return this.engine.ping().then(
      () => true,
      () => false,
    )
  }

  /** An engine that does not end by itself leaves its containerd behind. */
  async #endHelper(): Promise<void> {
    const [, helper = ''] = this.#pidFiles
    const pid = Number(await readFile(helper, 'utf8').catch(() => ''))
    if (!(pid > 1)) return
    const deadline = Date.now() + patienceMs
    for (let signal: NodeJS.Signals | 0 = 'SIGTERM'; Date.now() < deadline; signal = 0) {
      try {
        process.kill(pid, signal)
      } catch {
        return // it has ended
      }
      await delay(againMs)
    }
  }
}

/** With what is in them: an engine that ends leaves their bridges on the machine, which has room for some thirty. */
async function removeNetworks(engine: Docker): Promise<void> {
  const containers = await engine.listContainers({ all: true })
  await Promise.allSettled(containers.map(({ Id }) => engine.getContainer(Id).remove({ force: true })))
  await engine.pruneNetworks()
}

function unmounted(folder: string): boolean {
  return spawnSync('/bin/umount', ['-l', folder]).status === 0
}
