/**
 * The way every message goes: one seam over NATS, MQTT and memory. What a bus promises is little, and the rest of lanista is
 * built on that little: a message published while `up` arrives at each subscriber at most once, usually in order, or not at
 * all. Nothing is queued while down. Delivery is the business of acknowledgements above (DESIGN §4).
 */

/** `connecting` before the first `up`; `up` = subscriptions are in force and publishing works; `closed` is final. */
export type BusState = 'connecting' | 'up' | 'down' | 'closed'

export interface BusMessage {
  /** Literal subject, already parsed against the alphabet: no wildcards in it. */
  readonly subject: string
  /** Owned by the receiver. */
  readonly body: Uint8Array
}

export interface BusSubscription {
  readonly pattern: string
  /** Stops delivery at once. Idempotent. */
  close(): void
}

export interface PublishOptions {
  /** Kept by an MQTT broker for later subscribers; NATS has no such thing. Only births are retained. */
  readonly retain?: boolean | undefined
}

export interface RequestOptions {
  /** Ends the wait with the signal's reason. Required: a network wait can hang. */
  readonly signal: AbortSignal
  /** Gives up with `TIMED_OUT` after this long, ms. */
  readonly deadlineMs: number
}

/** A change of state, with the reason a person would want to read. */
export interface BusStateChange {
  readonly state: BusState
  readonly reason: string
}

export interface Bus extends AsyncDisposable {
  readonly state: BusState

  /** Every state change from now on, starting with the present state; ends after `closed`. A slow reader sees the newest only. */
  states(): AsyncIterable<BusStateChange>

  /** Resolves when `up`; rejects with the signal's reason, or `CLOSED`. */
  up(signal: AbortSignal): Promise<void>

  /**
   * Sends one message; returns once it is handed to the connection, not when it has arrived.
   * @throws LanistaError NOT_UP (nothing is queued), DENIED (outside our permissions), SUBJECT_INVALID, TOO_LARGE
   */
  publish(subject: string, body: Uint8Array, options?: PublishOptions): void

  /**
   * Delivers every message that matches the pattern to `handler`, in the order received, until closed. Restored after every
   * reconnection. A handler that throws is logged and counted; the subscription goes on. Usable before `up`.
   * @throws LanistaError DENIED, PATTERN_INVALID
   */
  subscribe(pattern: string, handler: (message: BusMessage) => void): BusSubscription

  /**
   * Publishes a request (`order`, `control` or `ring` subject) and waits for the one answer on the subject that
   * `replySubject` derives. Ids must be unique among the open requests of this bus.
   * @returns the answer's body, never empty
   * @throws LanistaError NO_ONE_THERE as soon as that is known, TIMED_OUT, NOT_UP, DENIED, DUPLICATE_ID, CLOSED
   */
  request(subject: string, body: Uint8Array, options: RequestOptions): Promise<Uint8Array>

  /** Resolves when everything published before has reached the broker; throws NOT_UP, or the signal's reason. */
  flush(signal: AbortSignal): Promise<void>

  /** Finishes first: stops subscriptions, flushes what was published, then closes. */
  drain(signal: AbortSignal): Promise<void>

  /** Now: open requests reject with CLOSED, nothing more is delivered. Idempotent. */
  close(): Promise<void>
}
