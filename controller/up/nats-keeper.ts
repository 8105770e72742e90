import { join } from 'node:path'
import type { BrokerUser } from '#broker/credentials.ts'
import type { NatsPlace } from '#broker/leaf-config.ts'
import { NatsServer, type NatsServerOptions } from '#broker/nats-server.ts'
import { messageOf } from '#protocol/errors.ts'
import { backoffMs } from '#protocol/runtime/backoff.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { unlessAborted } from '#protocol/runtime/unless-aborted.ts'
import type { Ledger } from './ledger.ts'
import type { ListenAt } from './plan.ts'
import { identifyProcess } from './process-identity.ts'

export interface NatsKeeperDeps {
  readonly ledger: Ledger
  readonly clock: Clock
  readonly logger: Logger
}

/** A nats-server to keep. */
export interface KeptServer {
  /** Its folder below the data folder and its name in the ledger: unique, and none of an agent, which has dots. */
  readonly name: string
  readonly listen: ListenAt
  readonly users: readonly BrokerUser[]
  /** Alone, a hub or a leaf. */
  readonly place: NatsPlace
}

/** Keeps a nats-server running on its ports: one that dies is started again, as systemd would. */
export class NatsKeeper {
  readonly #kept: KeptServer
  readonly #directory: string
  readonly #deps: NatsKeeperDeps
  readonly #stopping = new AbortController()
  #server: NatsServer
  readonly #loop: Promise<void>

  private constructor(server: NatsServer, kept: KeptServer, directory: string, deps: NatsKeeperDeps) {
    this.#server = server
    this.#kept = kept
    this.#directory = directory
    this.#deps = deps
    this.#loop = this.#run()
  }

  /**
   * Starts the server and returns once it answers.
   * @throws LanistaError NATS_SERVER_MISSING, NATS_SERVER_FAILED, PORT_IN_USE, USER_INVALID
   */
  static async start(kept: KeptServer, dataDir: string, deps: NatsKeeperDeps): Promise<NatsKeeper> {
    const directory = join(dataDir, kept.name)
    const { listen, users, place } = kept
    const server = await NatsServer.open({ directory, ...listen, users, place }, deps)
    await adopt(kept.name, server, deps)
    return new NatsKeeper(server, kept, directory, deps)
  }

  /** What clients dial; the same over restarts. */
  get url(): string {
    return this.#server.url
  }

  /** Where a hub takes leaf links; the same over restarts. */
  get leafPort(): number {
    return this.#server.leafPort
  }

  /** Stops the server, and starts it no more. Idempotent. */
  async close(): Promise<void> {
    this.#stopping.abort(new Error('closed'))
    await this.#loop
    await this.#server.close()
    await this.#deps.ledger.release(this.#kept.name)
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
        this.#server = await NatsServer.open(this.#sameAgain(), this.#deps)
        await adopt(this.#kept.name, this.#server, this.#deps)
        return
      } catch (error) {
        if (!this.#stopping.signal.aborted) logger.error({ reason: messageOf(error) }, 'nats_server_not_started')
      }
    }
  }

  /** On the ports it got at first: clients and leaves dial them. */
  #sameAgain(): NatsServerOptions {
    const { listen, users, place } = this.#kept
    const { port, leafPort } = this.#server
    const samePlace = place.kind === 'hub' ? { ...place, leafPort } : place
    return { directory: this.#directory, host: listen.host, port, users, place: samePlace }
  }
}

/** Notes the server in the ledger: it would outlive a killed `up`. */
async function adopt(name: string, server: NatsServer, { ledger }: NatsKeeperDeps): Promise<void> {
  const identity = server.pid === undefined ? undefined : identifyProcess(server.pid)
  if (identity) await ledger.adopt(name, identity)
}
