/**
 * Keeps one bus connected, for both network drivers: a new connection for each attempt, the next address after a failure,
 * full jitter between attempts, for ever. The drivers' own reconnecting is off: nats.js redials at once after a cut (300 of
 * 300 clients within 300 ms) and closes for good on a revoked credential; mqtt.js stops at a refused login.
 */
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { type BackoffOptions, backoffMs } from '#protocol/runtime/backoff.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { unlessAborted } from '#protocol/runtime/unless-aborted.ts'
import type { BusCore } from './bus-core.ts'
import { type Connection, type Dial, dialTimeoutMs } from './connection.ts'

export interface SuperviseOptions {
  /** Tried in turn; at least one. */
  readonly addresses: readonly string[]
  readonly backoff?: BackoffOptions | undefined
}

export interface SuperviseDeps {
  readonly clock: Clock
  readonly logger: Logger
}

/** A connection that lasted this long, ms, starts the backoff afresh; a shorter one counts as one more failure. */
const steadyMs = 10_000

/** Starts the loop; it ends when the bus is closed, and closing the bus waits for it. */
export function supervise(core: BusCore, dial: Dial, options: SuperviseOptions, deps: SuperviseDeps): void {
  const stop = new AbortController()
  const supervisor = new Supervisor(core, dial, options, deps, stop.signal)
  const running = supervisor.run()
  core.onClose(async () => {
    stop.abort(new LanistaError('CLOSED', 'the bus was closed'))
    await running
  })
}

class Supervisor {
  readonly #core: BusCore
  readonly #dial: Dial
  readonly #options: SuperviseOptions
  readonly #deps: SuperviseDeps
  readonly #signal: AbortSignal
  readonly #quiet: OnceAMinute

  constructor(core: BusCore, dial: Dial, options: SuperviseOptions, deps: SuperviseDeps, signal: AbortSignal) {
    this.#core = core
    this.#dial = dial
    this.#options = options
    this.#deps = deps
    this.#signal = signal
    this.#quiet = new OnceAMinute(deps.clock)
  }

  async run(): Promise<void> {
    let failures = 0
    for (let turn = 0; !this.#signal.aborted; turn++) {
      const address = this.#options.addresses[turn % this.#options.addresses.length] ?? ''
      const lastedMs = await this.#hold(address)
      if (this.#signal.aborted) return
      failures = lastedMs >= steadyMs ? 0 : failures + 1
      await this.#pause(backoffMs(Math.max(0, failures - 1), this.#options.backoff))
    }
  }

  /** Dials and stays until the connection ends; returns how long it was up, ms. Never rejects. */
  async #hold(address: string): Promise<number> {
    let connection: Connection | undefined
    let upAt: number | undefined
    let reason: string
    try {
      connection = await this.#open(address)
      await unlessAborted(this.#attach(connection, address), this.#signal)
      upAt = this.#deps.clock.monotonic()
      reason = await unlessAborted(connection.ended, this.#signal)
    } catch (error) {
      reason = messageOf(error)
      if (!this.#signal.aborted) this.#warn(address, reason)
    }
    this.#core.detach(reason)
    await connection?.close()
    return upAt === undefined ? 0 : this.#deps.clock.monotonic() - upAt
  }

  /** A dial that ends after the bus was closed is hung up again. */
  async #open(address: string): Promise<Connection> {
    const dialled = this.#dial(address, this.#core)
    try {
      return await unlessAborted(dialled, this.#signal)
    } catch (error) {
      dialled.then(
        (late) => late.close(),
        () => {},
      )
      throw error
    }
  }

  /** A broker that takes the login and then says nothing is given up like one that does not answer. */
  async #attach(connection: Connection, address: string): Promise<void> {
    const given = new AbortController()
    const tooLate = this.#deps.clock.sleep(dialTimeoutMs, given.signal).then(
      () => {
        throw new LanistaError('TIMED_OUT', `dial again: ${address} did not confirm within ${dialTimeoutMs} ms`)
      },
      () => {},
    )
    const attached = this.#core.attach(connection, `connected to ${address}`)
    try {
      await Promise.race([attached, tooLate])
    } finally {
      given.abort()
      attached.catch(() => {}) // when it lost the race, the close that follows makes it reject
    }
  }

  async #pause(ms: number): Promise<void> {
    await this.#deps.clock.sleep(ms, this.#signal).catch(() => {})
  }

  #warn(address: string, reason: string): void {
    this.#quiet.pass(address, (suppressed) =>
      this.#deps.logger.warn({ address, reason, suppressed }, 'bus_connection_failed'),
    )
  }
}
