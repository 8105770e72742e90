/**
 * What a driver makes of one address: a connection that lives once, from dial to end. It moves bytes and decides nothing;
 * `BusCore` checks and routes, `supervise` dials again.
 */
import type { BusMessage } from './bus.ts'

export interface SendOptions {
  readonly retain: boolean
  /** Where the broker may say that nobody is there; set on requests. */
  readonly replySubject?: string | undefined
}

export interface Connection {
  /** Asks for messages; in force after the next `flush`. Asking again for the same pattern is harmless. */
  subscribe(patterns: readonly string[]): void
  unsubscribe(pattern: string): void
  send(subject: string, body: Uint8Array, options: SendOptions): void
  /** Resolves when everything before it has reached the broker; rejects when the connection ends first. */
  flush(): Promise<void>
  /** Resolves with the reason when the connection has ended, whoever ended it. Never rejects. */
  readonly ended: Promise<string>
  /** Ends it cleanly (an MQTT will does not fire). Idempotent. */
  close(): Promise<void>
}

/** What a connection tells the bus. */
export interface Receiver {
  /** One copy for all matching subscriptions. */
  deliver(message: BusMessage): void
  /** A copy for the subscription with this pattern. */
  deliverTo(pattern: string, message: BusMessage): void
  /** The broker refused what our own table allows. */
  refusedByBroker(what: string): void
}

/** Opens one connection to one address; gives up within `dialTimeoutMs`. Rejects with what a person should read. */
export type Dial = (address: string, receiver: Receiver) => Promise<Connection>

/** Longest dial, login included, ms. */
export const dialTimeoutMs = 5_000
/** Largest body, bytes; a larger one is refused with TOO_LARGE, by the brokers as well. */
export const bodyBytesMax = 1_048_576
