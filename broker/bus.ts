/**
 * The way every message goes: one seam over NATS, MQTT and memory. What a bus promises is little, and the rest of lanista is
 * built on that little: a message published while `up` arrives at each subscriber at most once, usually in order, or not at
 * all (a retained birth may come again). Nothing is queued while down. Delivery is the business of acknowledgements above
 * (DESIGN §4).
 */

/** `connecting` before the first `up`; `up` = subscriptions are in force and publishing works; `closed` is final. */
export type BusState = 'connecting' | 'up' | 'down' | 'closed'

export interface BusMessage {
  /** Literal subject, already checked against the alphabet: no wildcards in it. */
  readonly subject: string
  /** Not used by the bus after delivery; shared by all handlers of this bus, so nobody changes it. */
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

  /**
   * Every state change from now on, starting with the present state; ends after `closed`, or when the signal aborts. A slow reader sees
   * the newest only.
   */
  states(signal?: AbortSignal | undefined): AsyncIterable<BusStateChange>

  /** Resolves when `up`; rejects with the signal's reason, or `CLOSED`. */
  up(signal: AbortSignal): Promise<void>

  /**
   * Sends one message; returns once it is handed to the connection, not when it has arrived. The body is not copied: it must
   * not be changed afterwards.
   * @throws LanistaError NOT_UP (nothing is queued), BUSY (16 MiB are under way to the broker), DENIED (outside our
   * permissions, or `retain` on anything but a birth), SUBJECT_INVALID, TOO_LARGE (over 1 MiB)
   */
  publish(subject: string, body: Uint8Array, options?: PublishOptions): void

  /**
   * Delivers every message that matches the pattern to `handler`, in the order received, until closed. Restored after every
   * reconnection. A handler that throws is logged and counted; the subscription goes on. Usable before `up`.
   * @throws LanistaError DENIED, PATTERN_INVALID, CLOSED
   */
  subscribe(pattern: string, handler: (message: BusMessage) => void): BusSubscription

  /**
   * Publishes a request (`order`, `control` or `ring` subject) and waits for the one answer on the subject that
   * `replySubject` derives. Ids must be unique among the open requests of this bus. A connection lost meanwhile does not end
   * the wait: the answer may still come over the next one.
   * @returns the answer's body, never empty
   * @throws LanistaError NO_ONE_THERE as soon as that is known, TIMED_OUT, NOT_UP, DENIED, SUBJECT_INVALID, TOO_LARGE,
   * DUPLICATE_ID, BUSY (16 MiB under way, or 10,000 open requests), CLOSED
   */
  request(subject: string, body: Uint8Array, options: RequestOptions): Promise<Uint8Array>

  /** Resolves when everything published before has reached the broker; rejects with NOT_UP, or the signal's reason. */
  flush(signal: AbortSignal): Promise<void>

  /** Finishes first: stops subscriptions, flushes what was published, then closes. Closes also when the flush fails. */
  drain(signal: AbortSignal): Promise<void>

  /** Now: open requests reject with CLOSED, nothing more is delivered. Idempotent. */
  close(): Promise<void>
}

/** What a bus has done since it was opened, for metrics. */
export interface BusCounters {
  readonly published: number
  readonly received: number
  /** Handed to us by the broker with a subject outside the alphabet, and dropped. */
  readonly malformed: number
  /** Refused here, before sending: DENIED, SUBJECT_INVALID, PATTERN_INVALID, TOO_LARGE. */
  readonly refused: number
  /** Refused because not up or too much under way. Nothing is queued, so these messages are gone. */
  readonly notSent: number
  /** Refused by the broker although our own check let it pass: an alarm, the tables differ. */
  readonly refusedByBroker: number
  /** Handlers that threw. */
  readonly handlerErrors: number
  /** Times this bus came `up`. */
  readonly connections: number
}

/** A bus that tells what it did; every form here is one. */
export interface CountedBus extends Bus {
  readonly counters: BusCounters
}
