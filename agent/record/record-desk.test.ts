import { afterEach, describe, expect, it } from 'vitest'
import type { Bus } from '#broker/bus.ts'
import { MemoryBroker } from '#broker/memory.ts'
import { encodeRecordAsk, type RecordedSample, recordReceiptSchema } from '#protocol/messages/record.ts'
import { parseJsonAnswer } from '#protocol/query/answer.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { buildSubject } from '#protocol/subjects/subject.ts'
import { RecordDesk } from './record-desk.ts'

const address = { tenant: 'main', cloud: 'home', host: 'h1' }
const closes: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close()
})

class Stage {
  readonly appended: [series: string, timestampMs: number, value: number][] = []
  commits = 0
  isFull = false
  readonly #names: string[] = []
  readonly controller: Bus

  constructor() {
    const broker = new MemoryBroker({ clock: new FakeClock(), logger: silentLogger })
    this.controller = broker.connect({ kind: 'controller' })
    const bus = broker.connect({ kind: 'agent', address })
    const isFull = (): boolean => this.isFull
    const desk = new RecordDesk(
      { address },
      {
        bus,
        intake: {
          seriesId: (text) => this.#names.push(text) - 1,
          append: (id, timestampMs, value) => this.appended.push([this.#names[id] as string, timestampMs, value]),
          get isFull() {
            return isFull()
          },
        },
        store: {
          commit: async () => {
            this.commits++
          },
        },
        logger: silentLogger,
      },
    )
    for (const each of [this.controller, bus, desk]) closes.push(() => each.close())
  }

  async ask(samples: readonly RecordedSample[], id = 'r1'): Promise<unknown> {
    const signal = AbortSignal.timeout(5_000)
    await this.controller.up(signal)
    const subject = buildSubject(address, 'control', 'record', id)
    const answer = await this.controller.request(subject, encodeRecordAsk({ samples }), { signal, deadlineMs: 5_000 })
    return parseJsonAnswer(answer, recordReceiptSchema, 'receipt')
  }
}

const tags = { scope: 'cross-cloud' }

describe('an agent asked to record results', () => {
  it('answers once they are on its disk', async () => {
    const stage = new Stage()
    const samples = [{ name: 'monitor.shop.queue', tags: { ...tags, cloud: 'c1' }, t: 1_000, v: 2 }]
    expect(await stage.ask(samples)).toEqual({ taken: 1, refused: 0 })
    expect(stage.appended).toEqual([['monitor.shop.queue;cloud=c1;scope=cross-cloud', 1_000, 2]])
    expect(stage.commits).toBe(1)
  })

  it('takes nothing but results that belong to no cloud', async () => {
    const stage = new Stage()
    const refused = [
      { name: 'cpu.usage', tags, t: 1, v: 1 },
      { name: 'monitor.shop.queue', tags: {}, t: 1, v: 1 },
      { name: 'monitor.shop.queue', tags: { scope: 'cloud' }, t: 1, v: 1 },
      { name: 'rule.shop.grow', tags: { ...tags, 'a;b': 'c' }, t: 1, v: 1 },
      { name: 'rule.shop.grow', tags, t: 1.5, v: 1 },
    ]
    expect(await stage.ask(refused)).toEqual({ taken: 0, refused: refused.length })
    expect(stage.appended).toEqual([])
  })

  it('refuses while its store is full, so that another one is asked', async () => {
    const stage = new Stage()
    stage.isFull = true
    await expect(stage.ask([])).rejects.toMatchObject({ code: 'BUSY' })
  })
})
