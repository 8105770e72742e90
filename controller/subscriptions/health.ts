/** When a subscription is worth an alarm. Pure. */

export interface HealthState {
  /** `idle`: nothing delivered yet. `failing`: the last attempt failed, or readings were lost since the last delivery. */
  readonly state: 'idle' | 'delivering' | 'failing'
  /** Of the last failure or loss; kept after recovery. */
  readonly lastError: string | null
  readonly lastErrorMs: number | null
  readonly lastDeliveryMs: number | null
}

export interface HealthChange {
  readonly kind: 'failing' | 'recovered'
  readonly reason: string
}

/** Attempts that fail in a row before it is an alarm: a receiver may restart in peace. */
const failuresMin = 3

export class Health {
  #state: HealthState = { state: 'idle', lastError: null, lastErrorMs: null, lastDeliveryMs: null }
  #failures = 0
  #isRaised = false

  get state(): HealthState {
    return this.#state
  }

  /** An attempt failed and will be made again. */
  failed(reason: string, nowMs: number): HealthChange | undefined {
    this.#failures++
    return this.#fail(reason, nowMs, this.#failures >= failuresMin)
  }

  /** Readings are gone: an alarm at once. */
  lost(reason: string, nowMs: number): HealthChange | undefined {
    return this.#fail(reason, nowMs, true)
  }

  /** The sink took a batch. */
  delivered(nowMs: number): HealthChange | undefined {
    this.#failures = 0
    const wasRaised = this.#isRaised
    this.#isRaised = false
    this.#state = { ...this.#state, state: 'delivering', lastDeliveryMs: nowMs }
    return wasRaised ? { kind: 'recovered', reason: this.#state.lastError ?? '' } : undefined
  }

  #fail(lastError: string, lastErrorMs: number, isAlarm: boolean): HealthChange | undefined {
    this.#state = { ...this.#state, state: 'failing', lastError, lastErrorMs }
    if (!isAlarm || this.#isRaised) return undefined
    this.#isRaised = true
    return { kind: 'failing', reason: lastError }
  }
}
