import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CountedBus } from '#broker/bus.ts'
import { type Fate, MemoryBroker } from '#broker/memory.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { RangeSet } from '#protocol/samples/arrival.ts'
import { decodeSamples } from '#protocol/samples/decoder.ts'
import type { Address } from '#protocol/subjects/subject.ts'
import { openStore } from '../store/open-store.ts'
import type { Store } from '../store/store.ts'
import { Uplink } from './uplink.ts'

const address: Address = { tenant: 'acme', cloud: 'c1', host: 'a1' }
const deps = { clock: systemClock, logger: silentLogger }

let folder: string
let store: Store
let fate: Fate
let broker: MemoryBroker
let controller: Controller

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'uplink-'))
  store = await openStore({ folder, commitIntervalMs: 1 }, deps)
  fate = () => [0]
  broker = new MemoryBroker(deps, { fate: (message) => fate(message) })
  controller = new Controller(broker)
})

afterEach(async () => {
  await controller.bus.close()
  await store.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Sends 5,000 samples of 50 series in 50 commits while `uplink` runs, and waits until all are acknowledged. */
async function sendAll(uplink: 'all' | string[]): Promise<void> {
  const bus = broker.connect({ kind: 'agent', address })
  const sender = new Uplink({ address, uplink, batchSamplesMax: 40, ackTimeoutMs: 50 }, { bus, store, ...deps })
  try {
    for (let round = 0; round < 50; round++) {
      for (let i = 0; i < 100; i++) {
        const id = store.seriesId(`app${i % 2}.counter.s${i % 50}`)
        store.append(id, 1_700_000_000_000 + round * 1000, round * 100 + i)
      }
      await store.commit()
    }
    const signal = AbortSignal.timeout(15_000)
    while (sender.lag > 0) await systemClock.sleep(5, signal)
  } finally {
    await sender.close()
    await bus.close()
  }
}

/** Takes what it can name, acknowledges it, and remembers each value once. */
class Controller {
  readonly bus: CountedBus
  readonly values = new Map<number, string>()
  #names: string[] = []
  #positions = new RangeSet()
  #acks = 0

  constructor(broker: MemoryBroker) {
    this.bus = broker.connect({ kind: 'controller' })
    this.bus.subscribe('lanista.*.*.*.samples', ({ body }) => this.#take(body))
  }

  /** As a restart does: acknowledged positions are kept, names are not. */
  forgetNames(): void {
    this.#names = []
  }

  #take(body: Uint8Array): void {
    const message = decodeSamples(body)
    if (message.kind === 'dictionary') {
      if (message.firstId <= this.#names.length) {
        for (const [i, { name }] of message.entries.entries()) this.#names[message.firstId + i] = name
      }
      return
    }
    const known = message.seriesIds.every((id) => id < this.#names.length)
    const ranges = known ? [{ from: message.from, to: message.to }] : []
    if (known && this.#positions.add(message).length > 0) {
      for (const [i, id] of message.seriesIds.entries()) {
        this.values.set(message.values[i] as number, this.#names[id] as string)
      }
    }
    this.#acks++
    this.bus.publish(
      `lanista.acme.c1.a1.control.ack.${this.#acks}`,
      encodeJson({ storeId: message.storeId, ranges, dictionary: this.#names.length }),
    )
  }
}

/** A generator of [0, 1) with a seed, so that a failure can be run again. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
}

describe('the uplink', () => {
  it('brings every committed sample to the controller, with its name', async () => {
    await sendAll('all')
    expect(controller.values.size).toBe(5000)
    expect(controller.values.get(4907)).toBe('app1.counter.s7')
  })

  it('brings each once over a bus that loses, repeats and delays', async () => {
    const next = random(7)
    fate = () => {
      const roll = next()
      return roll < 0.2 ? [] : roll < 0.3 ? [0, 3] : roll < 0.4 ? [5] : [0]
    }
    await sendAll('all')
    expect(controller.values.size).toBe(5000)
  })

  it('tells the names again to a controller that forgot them', async () => {
    let messages = 0
    fate = () => {
      messages++
      if (messages === 60) controller.forgetNames()
      return [0]
    }
    await sendAll('all')
    expect(controller.values.size).toBe(5000)
  })

  it('goes on where it was after the broker was away', async () => {
    let messages = 0
    fate = () => {
      messages++
      if (messages === 40) {
        broker.stop()
        systemClock.after(100, () => broker.start())
      }
      return [0]
    }
    await sendAll('all')
    expect(controller.values.size).toBe(5000)
  })

  it('sends only what was asked for, and owes nothing for the rest', async () => {
    await sendAll(['app1.*.*'])
    expect(controller.values.size).toBe(2500)
    expect([...controller.values.values()].every((name) => name.startsWith('app1.'))).toBe(true)
  })
})
