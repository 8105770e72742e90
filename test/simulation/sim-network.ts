import type { EventQueue } from './event-queue.ts'
import type { Random } from './random.ts'

/** How bad the network is: probabilities, and delays in ms. */
export interface Weather {
  readonly loss: number
  readonly repeat: number
  readonly delayMsMax: number
  /** Probability that a message takes up to 3 s. */
  readonly late: number
  /** Probability that a bit is flipped, where messages go as bytes. */
  readonly flip: number
}

export const calm: Weather = { loss: 0, repeat: 0, delayMsMax: 3, late: 0, flip: 0 }

/** The bus as the ring sees it: anything may be lost, repeated, late; some pairs may not hear each other. */
export class SimNetwork {
  readonly #queue: EventQueue
  readonly #random: Random
  readonly #cut = new Set<string>()
  weather: Weather = calm
  delivered = 0
  lost = 0

  constructor(queue: EventQueue, random: Random) {
    this.#queue = queue
    this.#random = random
  }

  /** One direction. */
  cut(from: string, to: string): void {
    this.#cut.add(`${from} ${to}`)
  }

  healAll(): void {
    this.#cut.clear()
  }

  /** Delivers once, twice, late, or never. */
  send(from: string, to: string, deliver: () => void): void {
    const { loss, repeat, delayMsMax, late } = this.weather
    if (this.#random.chance(loss) || this.isCut(from, to)) {
      this.lost++
      return
    }
    const copies = this.#random.chance(repeat) ? 2 : 1
    for (let i = 0; i < copies; i++) {
      const delayMs = this.#random.next() * (this.#random.chance(late) ? 3000 : delayMsMax)
      this.#queue.schedule(delayMs, () => {
        if (this.isCut(from, to)) return
        this.delivered++
        deliver()
      })
    }
  }

  /** True when nothing gets from one to the other. */
  isCut(from: string, to: string): boolean {
    return this.#cut.size > 0 && this.#cut.has(`${from} ${to}`)
  }
}
