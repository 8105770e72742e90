import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RangeSet } from '#protocol/samples/arrival.ts'
import { UplinkWindow } from './uplink-window.ts'

describe('UplinkWindow', () => {
  it('tells each part of the dictionary once, before the first batch that needs it', () => {
    const window = new UplinkWindow({}, 0)
    expect(window.sending({ from: 1, to: 10 }, 4, 0)).toEqual({ from: 0, to: 5 })
    expect(window.sending({ from: 11, to: 20 }, 4, 0)).toBeUndefined()
    expect(window.sending({ from: 21, to: 30 }, 9, 0)).toEqual({ from: 5, to: 10 })
  })

  it('has no room while the window is full, and room again after an acknowledgement', () => {
    const window = new UplinkWindow({ batchesMax: 1 }, 0)
    window.sending({ from: 1, to: 10 }, 0, 0)
    expect(window.room(0)).toBe(0)
    window.acknowledged({ storeId: 's', ranges: [{ from: 1, to: 10 }], dictionary: 1 })
    expect(window.room(0)).toBeGreaterThan(0)
  })

  it('spends its rate and earns it back with time', () => {
    const window = new UplinkWindow({ samplesPerSecondMax: 100 }, 0)
    window.sending({ from: 1, to: 100 }, 0, 0)
    expect(window.room(0)).toBe(0)
    expect(window.room(500)).toBe(50)
    expect(window.room(60_000)).toBe(100)
  })

  it('offers everything again, with the dictionary, when the controller lacks the series', () => {
    const window = new UplinkWindow({}, 0)
    window.sending({ from: 1, to: 10 }, 4, 0)
    expect(window.acknowledged({ storeId: 's', ranges: [], dictionary: 0 })).toEqual([{ from: 1, to: 10 }])
    expect(window.sending({ from: 1, to: 10 }, 4, 0)).toEqual({ from: 0, to: 5 })
  })

  it('offers a batch again when its acknowledgement is overdue', () => {
    const window = new UplinkWindow({ ackTimeoutMs: 1000 }, 0)
    window.sending({ from: 1, to: 10 }, 0, 0)
    window.sending({ from: 11, to: 20 }, 0, 900)
    expect(window.overdue(999)).toEqual([])
    expect(window.overdue(1000)).toEqual([{ from: 1, to: 10 }])
    expect(window.inFlight).toBe(1)
    expect(window.down()).toEqual([{ from: 11, to: 20 }])
  })

  it('gets every batch acknowledged over a channel that loses, repeats and delays, whatever the order', () => {
    const moves = fc.array(
      fc.constantFrom('send', 'deliver', 'lose', 'ack', 'loseAck', 'wait', 'restartReceiver' as const),
      { maxLength: 200 },
    )
    fc.assert(
      fc.property(moves, (script) => {
        const model = new Model()
        for (const move of script) model.apply(move)
        model.finish()
        expect(model.acknowledged.ranges).toEqual([{ from: 1, to: 100 }])
      }),
    )
  })
})

/** Ten batches of ten samples and ten series, a receiver that acknowledges only what it can name, and a bad channel. */
class Model {
  readonly acknowledged = new RangeSet()
  readonly #window = new UplinkWindow({ ackTimeoutMs: 1000, batchesMax: 3 }, 0)
  readonly #inFlight = new Set<number>()
  #now = 0
  #known = 0
  #channel: { batch: number; dictionary: { from: number; to: number } | undefined }[] = []
  #acks: { ranges: { from: number; to: number }[]; dictionary: number }[] = []

  apply(move: 'send' | 'deliver' | 'lose' | 'ack' | 'loseAck' | 'wait' | 'restartReceiver'): void {
    if (move === 'send') this.#send()
    if (move === 'deliver') this.#deliver()
    if (move === 'lose') this.#channel.shift()
    if (move === 'ack') this.#ack()
    if (move === 'loseAck') this.#acks.shift()
    if (move === 'restartReceiver') this.#known = 0
    if (move === 'wait') {
      this.#now += 600
      this.#release(this.#window.overdue(this.#now))
    }
  }

  /** The channel heals: a bounded number of rounds must be enough. */
  finish(): void {
    for (let round = 0; round < 100; round++) {
      for (const move of ['send', 'deliver', 'deliver', 'ack', 'ack', 'wait'] as const) this.apply(move)
    }
  }

  #send(): void {
    const batch = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].find((n) => !this.#inFlight.has(n) && !this.acknowledged.has(n * 10))
    if (batch === undefined || this.#window.room(this.#now) === 0) return
    const dictionary = this.#window.sending({ from: batch * 10 - 9, to: batch * 10 }, batch - 1, this.#now)
    this.#inFlight.add(batch)
    this.#channel.push({ batch, dictionary })
  }

  #deliver(): void {
    const message = this.#channel.shift()
    if (!message) return
    const { batch, dictionary } = message
    if (dictionary && dictionary.from <= this.#known) this.#known = Math.max(this.#known, dictionary.to)
    const ranges = batch <= this.#known ? [{ from: batch * 10 - 9, to: batch * 10 }] : []
    this.#acks.push({ ranges, dictionary: this.#known })
  }

  #ack(): void {
    const ack = this.#acks.shift()
    if (!ack) return
    for (const range of ack.ranges) {
      this.acknowledged.add(range)
      this.#inFlight.delete(range.to / 10)
    }
    this.#release(this.#window.acknowledged({ storeId: 's', ...ack }))
  }

  #release(ranges: readonly { to: number }[]): void {
    for (const { to } of ranges) this.#inFlight.delete(to / 10)
  }
}
