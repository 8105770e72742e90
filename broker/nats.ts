/** The NATS driver: one connection of `nats` without its own reconnecting (options: shared/reference/bus-proof.md §6.2). */
import type { Authenticator, Events, Msg, NatsConnection, Status, Subscription } from 'nats'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { Connection, Dial, Receiver } from './connection.ts'
import { dialTimeoutMs } from './connection.ts'
import type { Credential } from './credentials.ts'
import { awaitGreeting } from './nats-greeting.ts'
import { nkeyFromSeed } from './nkey.ts'

export interface NatsDialOptions {
  readonly credential: Credential
  /** Shown in the server's connection list: `T.C.H/version`. */
  readonly name: string
  /** Called with each fresh connection, for what only NATS has (`$SRV`); what it opens ends with the connection. */
  readonly onConnection?: ((connection: NatsConnection) => void) | undefined
}

/** A server that does not answer two pings in a row is gone: noticed after 20 to 30 s. */
const pingIntervalMs = 10_000
const pingsOutMax = 2

/**
 * Dials `nats://host:port`. nats.js keeps the socket of a dial that timed out (2.29), so a server that has failed us must
 * greet before it is dialled again: a frozen one costs one socket, not one an attempt.
 */
export function natsDial(options: NatsDialOptions): Dial {
  const suspects = new Set<string>()
  return async (address, receiver) => {
    const url = new URL(address)
    const port = Number(url.port || '4222')
    if (suspects.has(address)) await awaitGreeting(url.hostname, port, dialTimeoutMs)
    suspects.add(address)
    const client = await import('./nats-client.ts')
    const nc = await client.connect({
      servers: `${url.hostname}:${port}`,
      name: options.name,
      authenticator: authenticatorOf(options.credential),
      reconnect: false,
      timeout: dialTimeoutMs,
      pingInterval: pingIntervalMs,
      maxPingOut: pingsOutMax,
      ignoreClusterUpdates: true,
      noAsyncTraces: true,
    })
    suspects.delete(address)
    options.onConnection?.(nc)
    return new NatsLink(nc, receiver, client.Events.Error)
  }
}

/** Signs the server's nonce, by node:crypto; read again at every dial. */
function authenticatorOf(credential: Credential): Authenticator {
  if (credential.kind === 'password') return () => ({ user: credential.user, pass: credential.password })
  return (nonce) => {
    const key = nkeyFromSeed(credential.seed)
    return { nkey: key.publicKey, sig: key.sign(Buffer.from(nonce ?? '')) }
  }
}

class NatsLink implements Connection {
  readonly ended: Promise<string>
  readonly #nc: NatsConnection
  readonly #receiver: Receiver
  readonly #errorEvent: Events
  readonly #subscriptions = new Map<string, Subscription>()

  constructor(nc: NatsConnection, receiver: Receiver, errorEvent: Events) {
    this.#nc = nc
    this.#receiver = receiver
    this.#errorEvent = errorEvent
    // nats.js leaves this iterator open at close; its own class can stop it
    const statuses = nc.status() as AsyncIterable<Status> & { stop(): void }
    const watching = this.#watch(statuses)
    this.ended = nc.closed().then(async (error) => {
      statuses.stop()
      await watching
      return error ? messageOf(error) : 'closed by the server'
    })
  }

  subscribe(patterns: readonly string[]): void {
    for (const pattern of patterns) {
      if (this.#subscriptions.has(pattern)) continue
      const callback = (error: Error | null, message: Msg): void => {
        if (!error) this.#receiver.deliverTo(pattern, { subject: message.subject, body: message.data })
      }
      this.#subscriptions.set(pattern, this.#nc.subscribe(pattern, { callback }))
    }
  }

  unsubscribe(pattern: string): void {
    this.#subscriptions.get(pattern)?.unsubscribe()
    this.#subscriptions.delete(pattern)
  }

  /** The reply field is for the server alone, which sends its "no responders" there; receivers never see it. */
  send(subject: string, body: Uint8Array, options: { readonly replySubject?: string | undefined }): void {
    try {
      this.#nc.publish(subject, body, options.replySubject === undefined ? {} : { reply: options.replySubject })
    } catch (cause) {
      const code = messageOf(cause).includes('MAX_PAYLOAD') ? 'TOO_LARGE' : 'NOT_UP'
      throw new LanistaError(code, `publish later: the NATS client refused ${subject}, ${messageOf(cause)}`, { cause })
    }
  }

  flush(): Promise<void> {
    return this.#nc.flush()
  }

  async close(): Promise<void> {
    await this.#nc.close()
  }

  /** Ends with the connection. Permission errors are alarms: our own check should have stopped what caused them. */
  async #watch(statuses: AsyncIterable<Status>): Promise<void> {
    for await (const status of statuses) {
      const context = 'permissionContext' in status ? status.permissionContext : undefined
      if (status.type === this.#errorEvent && context) {
        this.#receiver.refusedByBroker(`${context.operation} ${context.subject}`)
      }
    }
  }
}
