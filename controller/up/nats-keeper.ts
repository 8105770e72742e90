import { join } from 'node:path'
import type { BrokerUser } from '#broker/credentials.ts'
import { NatsServer } from '#broker/nats-server.ts'
import { messageOf } from '#protocol/errors.ts'
import { backoffMs } from '#protocol/runtime/backoff.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import type { Ledger } from './ledger.ts'
import type { ListenAt } from './plan.ts'
import { identifyProcess } from './process-identity.ts'
import { unlessAborted } from './race.ts'

export interface NatsKeeperDeps {
  readonly ledger: Ledger
  readonly clock: Clock
  readonly logger: Logger
}

const ledgerName = 'nats-server'

/** Keeps a nats-server running on one port: one that dies is started again, as systemd would. */
export class NatsKeeper {
  readonly #directory: string
  readonly #host: string
  readonly #users: readonly BrokerUser[]
  readonly #deps: NatsKeeperDeps
  readonly #stopping = new AbortController()
  #server: NatsServer
  readonly #loop: Promise<void>

  private constructor(
    server: NatsServer,
    listen: ListenAt,
    directory: string,
    users: readonly BrokerUser[],
    deps: NatsKeeperDeps,
  ) {
    this.#server = server
    this.#host = listen.host
    this.#directory = directory
    this.#users = users
    this.#deps = deps
    this.#loop = this.#run()
  }

  /**
   * Starts the server and returns once it answers.
   * @throws LanistaError NATS_SERVER_MISSING, NATS_SERVER_FAILED, PORT_IN_USE, USER_INVALID
   */
  static async start(
    listen: ListenAt,
    dataDir: string,
    users: readonly BrokerUser[],
    deps: NatsKeeperDeps,
  ): Promise<NatsKeeper> {
    const directory = join(dataDir, 'nats-server')
    const server = await NatsServer.open({ directory, ...listen, users }, deps)
    await adopt(server, deps)
    return new NatsKeeper(server, listen, directory, users, deps)
  }

  /** What clients dial; the same over restarts. */
  get url(): string {
    return this.#server.url
  }

  /** Stops the server, and starts it no more. Idempotent. */
  async close(): Promise<void> {
    this.#stopping.abort(new Error('closed'))
    await this.#loop
    await this.#server.close()
    await this.#deps.ledger.release(ledgerName)
  }

  async #run(): Promise<void> {
    while (await this.#hasEnded()) await this.#startAgain()
  }

  /** Resolves true when the server ended by itself, false when we are closed. */
  async #hasEnded(): Promise<boolean> {
    try {
      const reason = await unlessAborted(this.#server.exited, this.#stopping.signal)
      if (this.#stopping.signal.aborted) return false
      this.#deps.logger.error({ url: this.url, reason }, 'nats_server_ended')
      return true
    } catch {
      return false
    }
  }

  /** Tries until it works, or until closed. */
  async #startAgain(): Promise<void> {
    const { clock, logger } = this.#deps
    for (let attempt = 0; !this.#stopping.signal.aborted; attempt++) {
      try {
        await clock.sleep(backoffMs(attempt), this.#stopping.signal)
        const place = { directory: this.#directory, host: this.#host, port: this.#server.port, users: this.#users }
        this.#server = await NatsServer.open(place, this.#deps)
        await adopt(this.#server, this.#deps)
        return
      } catch (error) {
        if (!this.#stopping.signal.aborted) logger.error({ reason: messageOf(error) }, 'nats_server_not_started')
      }
    }
  }
}

/** Notes the server in the ledger: it would outlive a killed `up`. */
async function adopt(server: NatsServer, { ledger }: NatsKeeperDeps): Promise<void> {
  const identity = server.pid === undefined ? undefined : identifyProcess(server.pid)
  if (identity) await ledger.adopt(ledgerName, identity)
}
