/** How many calls a second a cloud is sent: a bucket of tokens that shrinks its rate when the cloud complains. Pure. */

export interface TokenBucketOptions {
  /** Calls a second in the long run. */
  readonly ratePerSecond: number
  /** Calls at once after a pause. */
  readonly burst: number
}

/** A complaint halves the rate, down to this share of the first; each call that passes gives a twentieth of the first rate back. */
const rateShareMin = 1 / 16
const regainShare = 1 / 20

export class TokenBucket {
  readonly #options: TokenBucketOptions
  #rate: number
  #tokens: number
  #atMs: number

  constructor(options: TokenBucketOptions, nowMs: number) {
    this.#options = options
    this.#rate = options.ratePerSecond
    this.#tokens = options.burst
    this.#atMs = nowMs
  }

  /** Calls a second at present. */
  get ratePerSecond(): number {
    return this.#rate
  }

  /** Takes one token, also one that is not there yet: ms to wait for it. */
  take(nowMs: number): number {
    this.#fill(nowMs)
    this.#tokens--
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#rate) * 1000
  }

  /** Gives one back that was taken and not used. */
  giveBack(): void {
    this.#tokens = Math.min(this.#options.burst, this.#tokens + 1)
  }

  /** The cloud complained: half the rate, and nothing saved. */
  slow(nowMs: number): void {
    this.#fill(nowMs)
    this.#rate = Math.max(this.#options.ratePerSecond * rateShareMin, this.#rate / 2)
    this.#tokens = Math.min(this.#tokens, 0)
  }

  /** The cloud answered. */
  regain(nowMs: number): void {
    this.#fill(nowMs)
    const { ratePerSecond } = this.#options
    this.#rate = Math.min(ratePerSecond, this.#rate + ratePerSecond * regainShare)
  }

  #fill(nowMs: number): void {
    this.#tokens = Math.min(this.#options.burst, this.#tokens + (Math.max(0, nowMs - this.#atMs) / 1000) * this.#rate)
    this.#atMs = Math.max(this.#atMs, nowMs)
  }
}
