/** A real nats-server as a child process, with a configuration of ours; users change while it runs and nobody is dropped. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { makeFolder } from '#protocol/runtime/data-folder.ts'
import { formatHostPort } from '#protocol/runtime/host-port.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { type BrokerUser, type BrokerUsers, brokerUserId, checkBrokerUser } from './credentials.ts'
import { type NatsPlace, placedConfig } from './leaf-config.ts'

export interface NatsServerOptions {
  /** Made when missing; holds the configuration (mode 0600) and the pid file. The caller sees to it that nobody else uses it. */
  readonly directory: string
  readonly host: string
  /** 0 = any free port; `port` tells which. */
  readonly port: number
  /** At least one: a nats-server without users lets anybody in. */
  readonly users: readonly BrokerUser[]
  /** Default: alone. */
  readonly place?: NatsPlace | undefined
  /** Default `nats-server`, found on the PATH. */
  readonly binary?: string | undefined
}

export interface NatsServerDeps {
  readonly clock: Clock
  readonly logger: Logger
}

/** Longest start, reload or stop, ms. */
const patienceMs = 10_000

export class NatsServer implements BrokerUsers, AsyncDisposable {
  readonly #options: NatsServerOptions
  readonly #deps: NatsServerDeps
  readonly #quiet: OnceAMinute
  readonly #users = new Map<string, BrokerUser>()
  readonly #watchers = new Set<(line: string) => void>()
  #child: ChildProcess | undefined
  #exited: Promise<string> = Promise.resolve('not started')
  #port: number
  #leafPort: number
  #version = 'unknown'
  #lastLine = ''
  #changing: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined

  private constructor(options: NatsServerOptions, deps: NatsServerDeps) {
    this.#options = options
    this.#deps = { clock: deps.clock, logger: deps.logger.child({ component: 'nats-server' }) }
    this.#quiet = new OnceAMinute(deps.clock)
    this.#port = options.port
    this.#leafPort = options.place?.kind === 'hub' ? options.place.leafPort : 0
    for (const user of options.users) this.#users.set(brokerUserId(user), user)
  }

  /**
   * Starts it and waits until it answers; one that a killed lanista left behind in the same directory is stopped first. The
   * caller closes it.
   * @throws LanistaError NATS_SERVER_MISSING, PORT_IN_USE, NATS_SERVER_FAILED, USER_INVALID, NKEY_INVALID, TOKEN_INVALID
   */
  static async open(options: NatsServerOptions, deps: NatsServerDeps): Promise<NatsServer> {
    const server = new NatsServer(options, deps)
    await makeFolder(options.directory)
    await server.#stopLeftBehind()
    await server.#writeConfig()
    try {
      await server.#start()
    } catch (error) {
      await server.close()
      throw error
    }
    return server
  }

  get port(): number {
    return this.#port
  }

  /** Where a hub takes leaf links; 0 when it is none. */
  get leafPort(): number {
    return this.#leafPort
  }

  /** `nats://host:port` */
  get url(): string {
    return `nats://${formatHostPort(this.#options.host, this.#port)}`
  }

  /** The server's own, `2.9.10`: old ones lack things. */
  get version(): string {
    return this.#version
  }

  /** Of the child process. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Resolves with the reason when the process has ended, so that its owner can open another. */
  get exited(): Promise<string> {
    return this.#exited
  }

  /** Also throws NATS_SERVER_FAILED when the server does not take the new list. */
  async addUser(user: BrokerUser): Promise<void> {
    checkBrokerUser(user)
    this.#users.set(brokerUserId(user), user)
    await this.#reload()
  }

  async removeUser(id: string): Promise<void> {
    if (this.#users.delete(id)) await this.#reload()
  }

  /** Stops the server: SIGTERM, after ten seconds SIGKILL. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#stop()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  get #configFile(): string {
    return join(this.#options.directory, 'nats-server.conf')
  }

  get #pidFile(): string {
    return join(this.#options.directory, 'nats-server.pid')
  }

  async #writeConfig(): Promise<void> {
    const { host, port, place } = this.#options
    const users = [...this.#users.values()]
    const text = placedConfig({ host, port, pidFile: this.#pidFile, users }, place ?? { kind: 'alone' })
    const fresh = `${this.#configFile}.new`
    await rm(fresh, { force: true })
    await writeFile(fresh, text, { mode: 0o600 })
    await rename(fresh, this.#configFile)
  }

  /** Its own process group: a Ctrl-C on the terminal is for lanista, which stops it last. */
  async #start(): Promise<void> {
    const child = spawn(this.#options.binary ?? 'nats-server', ['-c', this.#configFile], {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    })
    this.#child = child
    this.#exited = new Promise((resolve) => {
      child.once('error', (error) => resolve(messageOf(error)))
      child.once('exit', (code, signal) => resolve(`exit ${code ?? signal}`))
    })
    createInterface({ input: child.stderr }).on('line', (line) => this.#read(line))
    const ready = await this.#line(/Server is ready|address already in use/, 'start')
    if (ready.includes('in use')) throw this.#portInUse(ready.includes('leafnode') ? this.#leafPort : this.#port)
    this.#deps.logger.info({ version: this.#version, port: this.#port, pid: child.pid }, 'nats_server_up')
  }

  #read(line: string): void {
    const port = /Listening for client connections on \S+:(\d+)$/.exec(line)?.[1]
    if (port) this.#port = Number(port)
    const leafPort = /Listening for leafnode connections on \S+:(\d+)$/.exec(line)?.[1]
    if (leafPort) this.#leafPort = Number(leafPort)
    this.#version = /Version: +(\S+)/.exec(line)?.[1] ?? this.#version
    this.#lastLine = line
    for (const watch of this.#watchers) watch(line)
    if (/\[(?:ERR|FTL|WRN)\]/.test(line)) {
      this.#quiet.pass('line', (suppressed) => this.#deps.logger.warn({ line, suppressed }, 'nats_server_says'))
    }
  }

  /** The next line of the server's log that matches; ends with NATS_SERVER_FAILED when the process does, or after ten seconds. */
  #line(pattern: RegExp, act: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        this.#watchers.delete(watch)
        cancel()
        settle()
      }
      const watch = (line: string): void => {
        if (pattern.test(line)) finish(() => resolve(line))
      }
      const fail = (reason: string): void => finish(() => reject(this.#failed(act, reason)))
      const cancel = this.#deps.clock.after(patienceMs, () => fail(`nothing within ${patienceMs} ms`))
      this.#watchers.add(watch)
      const onExit = (reason: string): void => fail(`${reason}; its last words: ${this.#lastLine || 'none'}`)
      this.#exited.then(onExit, onExit)
    })
  }

  /** One at a time; the server says when it has read the file. */
  #reload(): Promise<void> {
    const run = async (): Promise<void> => {
      await this.#writeConfig()
      const line = this.#line(/Reloaded server configuration|Failed to reload/, 'reload')
      this.#child?.kill('SIGHUP')
      const answer = await line
      if (answer.includes('Failed')) throw this.#failed('reload', answer)
    }
    const mine = this.#changing.then(run)
    this.#changing = mine.catch(() => {})
    return mine
  }

  async #stop(): Promise<void> {
    await this.#changing
    const child = this.#child
    if (!child?.pid) return
    const cancel = this.#deps.clock.after(patienceMs, () => child.kill('SIGKILL'))
    child.kill('SIGTERM')
    await this.#exited
    cancel()
    await rm(this.#pidFile, { force: true })
  }

  /** A lanista that was killed leaves its server running: it has our configuration file on its command line. */
  async #stopLeftBehind(): Promise<void> {
    const pid = Number(await readFile(this.#pidFile, 'utf8').catch(() => ''))
    const isOurs = async (): Promise<boolean> =>
      (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0').includes(this.#configFile)
    if (!Number.isInteger(pid) || pid <= 1 || !(await isOurs())) return
    this.#deps.logger.warn({ pid }, 'nats_server_left_behind')
    process.kill(pid, 'SIGTERM')
    const giveUpAt = this.#deps.clock.monotonic() + patienceMs
    while (await isOurs()) {
      if (this.#deps.clock.monotonic() > giveUpAt) throw this.#failed('stop the old one', `pid ${pid} stays`)
      await this.#deps.clock.sleep(20)
    }
  }

  #portInUse(port: number): LanistaError {
    const { host } = this.#options
    const message = `choose another broker port: found ${formatHostPort(host, port)} in use, expected to listen there`
    return new LanistaError('PORT_IN_USE', message, { data: { host, port } })
  }

  #failed(act: string, reason: string): LanistaError {
    if (reason.includes('ENOENT')) {
      const message = 'install nats-server (apt-get install nats-server) or use another broker: it is not on the PATH'
      return new LanistaError('NATS_SERVER_MISSING', message)
    }
    return new LanistaError('NATS_SERVER_FAILED', `look at nats-server: it did not ${act}, ${reason}`)
  }
}
