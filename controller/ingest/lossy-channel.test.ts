import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SamplesAck } from '#protocol/messages/control.ts'
import { decodeSamples } from '#protocol/samples/decoder.ts'
import { encodeBatch, encodeDictionary } from '#protocol/samples/encoder.ts'
import type { DictionaryEntry, SamplesMessage } from '#protocol/samples/format.ts'
import { HostIngest } from './host-ingest.ts'
import { ingestLimits, newIngestCounters } from './ingest-limits.ts'
import { ModelAgent } from './model-agent.ts'

const samples = 60
const seriesCount = 4

/** What happens next: the agent sends, a message or an acknowledgement of the channel arrives, is lost or doubled, the controller restarts. */
const event = fc.oneof(
  fc.record({ kind: fc.constant('send' as const), size: fc.integer({ min: 1, max: 12 }) }),
  fc.record({
    kind: fc.constantFrom('arrive' as const, 'lose' as const, 'double' as const),
    at: fc.nat(1000),
  }),
  fc.record({ kind: fc.constantFrom('ackArrives' as const, 'ackLost' as const), at: fc.nat(1000) }),
  fc.record({ kind: fc.constantFrom('flush' as const, 'restart' as const, 'crash' as const) }),
)
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never

/** An agent, a channel that loses, doubles and reorders both ways, and the real ingest with its row on a disk. */
class World {
  readonly agent = new ModelAgent('store', seriesCount, samples)
  /** Values that arrived, one list for each life of the controller. */
  readonly lives: number[][] = []
  #toController: Uint8Array[] = []
  #toAgent: SamplesAck[] = []
  #disk: unknown
  #host = this.#start()

  run(event: Event): void {
    switch (event.kind) {
      case 'send':
        this.#toController.push(...this.agent.messages(event.size).map(encode))
        return
      case 'arrive':
        this.#deliver(event.at, true)
        return
      case 'double':
        this.#deliver(event.at, false)
        return
      case 'lose':
        this.#toController.splice(event.at % (this.#toController.length || 1), 1)
        return
      case 'ackArrives':
        for (const ack of this.#toAgent.splice(event.at % (this.#toAgent.length || 1), 1)) this.agent.hear(ack)
        return
      case 'ackLost':
        this.#toAgent.splice(event.at % (this.#toAgent.length || 1), 1)
        return
      case 'flush':
        this.#flush()
        return
      case 'restart':
        this.#flush()
        this.#host = this.#start()
        return
      case 'crash':
        this.#host = this.#start()
    }
  }

  /** From here on nothing is lost any more. */
  settle(): void {
    for (let round = 0; !this.agent.isDone; round++) {
      expect(round).toBeLessThan(samples * 4)
      this.run({ kind: 'send', size: 7 })
      while (this.#toController.length > 0) this.#deliver(0, true)
      this.#flush()
      for (const ack of this.#toAgent.splice(0)) this.agent.hear(ack)
    }
  }

  #deliver(at: number, isTaken: boolean): void {
    const index = at % (this.#toController.length || 1)
    const body = this.#toController[index]
    if (body) this.#host.take(decodeSamples(body), 0)
    if (isTaken) this.#toController.splice(index, 1)
  }

  #flush(): void {
    this.#disk = JSON.parse(JSON.stringify(this.#host.row()))
    this.#toAgent.push(...this.#host.takeAcks())
  }

  #start(): HostIngest<string> {
    const arrived: number[] = []
    this.lives.push(arrived)
    const host = new HostIngest<string>(
      { limits: ingestLimits, counters: newIngestCounters() },
      {
        open: (entry: DictionaryEntry) => entry.name,
        append: (series, timestampMs, value) => {
          expect(series).toBe(`series.${(value - 1) % seriesCount}`)
          expect(timestampMs).toBe(value)
          arrived.push(value)
        },
      },
    )
    host.restore(this.#disk)
    return host
  }
}

function encode(message: SamplesMessage): Uint8Array {
  return message.kind === 'batch'
    ? encodeBatch(message.storeId, message)
    : encodeDictionary(message.storeId, message.firstId, message.entries)
}

function play(events: readonly Event[]): World {
  const world = new World()
  for (const event of events) world.run(event)
  world.settle()
  return world
}

const everything = Array.from({ length: samples }, (_, i) => i + 1)

describe('samples over a channel that loses, doubles and reorders', () => {
  it('arrive once each, whatever happens, restarts included', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 150 }), (events) => {
        const { lives } = play(events.filter((event) => event.kind !== 'crash'))
        expect(lives.flat().toSorted((a, b) => a - b)).toEqual(everything)
      }),
      { numRuns: 300 },
    )
  })

  it('all arrive, and never twice in one life of the controller, when it is also killed', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 150 }), (events) => {
        const { lives } = play(events)
        for (const life of lives) expect(new Set(life).size).toBe(life.length)
        expect([...new Set(lives.flat())].toSorted((a, b) => a - b)).toEqual(everything)
      }),
      { numRuns: 300 },
    )
  })
})
