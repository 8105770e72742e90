import { afterEach, describe, expect, it } from 'vitest'
import { LanistaError } from '#protocol/errors.ts'
import { parseRecordAsk, type RecordedSample } from '#protocol/messages/record.ts'
import { encodeJsonAnswer, encodeRefusal } from '#protocol/query/answer.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { type Address, parseSubject } from '#protocol/subjects/subject.ts'
import { Recorder, recordQueueMax } from './recorder.ts'

const agents: readonly Address[] = ['h1', 'h2', 'h3'].map((host) => ({ tenant: 'main', cloud: 'home', host }))
const open: Stage[] = []

afterEach(async () => {
  for (const stage of open.splice(0)) await stage.close()
})

/** What an agent does with a message: takes it, refuses it, or says nothing. */
type Answer = 'take' | 'refuse' | 'busy' | 'silence'

class Stage {
  readonly clock: FakeClock = new FakeClock(1_700_000_000_000)
  readonly recorder: Recorder
  readonly messages: (readonly [host: string, samples: readonly RecordedSample[]])[] = []
  readonly answers: Map<string, Answer> = new Map()
  agents: readonly Address[] = agents

  constructor() {
    this.recorder = new Recorder({
      bus: { request: (subject, body) => this.#answer(subject, body) },
      clock: this.clock,
      logger: silentLogger,
      agents: () => this.agents,
    })
    open.push(this)
  }

  record(...values: readonly number[]): void {
    this.recorder.record(values.map((value) => ({ name: 'rule.shop.grow', tags: {}, timestampMs: 1_000, value })))
  }

  /** Hosts that were sent to, and how many samples. */
  get sent(): readonly (readonly [string, number])[] {
    return this.messages.map(([host, samples]) => [host, samples.length])
  }

  /** Time passes, once what was begun has come to where it waits. */
  async pass(ms: number): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    await this.clock.advance(ms)
  }

  async close(): Promise<void> {
    const closed = this.recorder.close()
    await this.pass(10_000)
    await closed
  }

  async #answer(subject: string, body: Uint8Array): Promise<Uint8Array> {
    const { host } = parseSubject(subject).address
    const { samples } = parseRecordAsk(body)
    this.messages.push([host, samples])
    switch (this.answers.get(host) ?? 'take') {
      case 'take':
        return encodeJsonAnswer({ taken: samples.length, refused: 0 })
      case 'refuse':
        return encodeRefusal(new LanistaError('MESSAGE_INVALID', 'another version'))
      case 'busy':
        return encodeRefusal(new LanistaError('BUSY', 'full'))
      case 'silence':
        throw new LanistaError('TIMED_OUT', 'no answer')
    }
  }
}

describe('what belongs to no cloud', () => {
  it('is sent together, with the tag of its scope, to two agents: those that took it before', async () => {
    const stage = new Stage()
    stage.record(1, 2)
    stage.record(3)
    await stage.pass(500)
    stage.answers.set('h1', 'silence')
    stage.record(4)
    await stage.pass(500)
    stage.answers.clear()
    stage.record(5)
    await stage.pass(500)
    expect(stage.sent).toEqual([
      ['h1', 3],
      ['h2', 3],
      ['h1', 1],
      ['h2', 1],
      ['h3', 1],
      ['h2', 1],
      ['h3', 1],
    ])
    expect(stage.messages[0]?.[1][0]).toEqual({
      name: 'rule.shop.grow',
      tags: { scope: 'cross-cloud' },
      t: 1_000,
      v: 1,
    })
    expect(stage.recorder.counters).toEqual({ recorded: 5, refused: 0, dropped: 0, retries: 0 })
  })

  it('is recorded where one agent alone takes it', async () => {
    const stage = new Stage()
    stage.answers.set('h1', 'silence').set('h3', 'refuse')
    stage.record(1)
    await stage.pass(500)
    expect(stage.sent.map(([host]) => host)).toEqual(['h1', 'h2', 'h3'])
    expect(stage.recorder.counters).toEqual({ recorded: 1, refused: 0, dropped: 0, retries: 0 })
  })

  it.each(['silence', 'busy'] as const)('waits while every agent answers with %s, or there is none', async (answer) => {
    const stage = new Stage()
    for (const { host } of agents) stage.answers.set(host, answer)
    stage.record(1)
    await stage.pass(2_000)
    stage.agents = []
    await stage.pass(30_000)
    stage.agents = agents
    stage.answers.clear()
    await stage.pass(15_000)
    expect(stage.recorder.counters).toMatchObject({ recorded: 1, refused: 0, dropped: 0 })
    expect(stage.recorder.counters.retries).toBeGreaterThan(1)
  })

  it('that every agent refuses holds up nothing', async () => {
    const stage = new Stage()
    for (const { host } of agents) stage.answers.set(host, 'refuse')
    stage.record(1)
    await stage.pass(1_000)
    stage.answers.clear()
    stage.record(2)
    await stage.pass(1_000)
    expect(stage.recorder.counters).toEqual({ recorded: 1, refused: 1, dropped: 0, retries: 0 })
  })

  it('is refused by itself where it is no number', async () => {
    const stage = new Stage()
    stage.record(1, Number.NaN, Number.POSITIVE_INFINITY, 2)
    await stage.pass(1_000)
    expect(stage.sent).toEqual([
      ['h1', 2],
      ['h2', 2],
    ])
    expect(stage.recorder.counters).toMatchObject({ recorded: 2, refused: 2 })
  })

  it('is dropped and counted beyond the queue, the oldest first', async () => {
    const stage = new Stage()
    stage.agents = []
    for (let i = 0; i <= recordQueueMax; i++) stage.record(i)
    expect(stage.recorder.counters.dropped).toBe(1)
    stage.agents = agents
    await stage.pass(20_000)
    expect(stage.messages[0]?.[1][0]?.v).toBe(1)
    expect(stage.recorder.counters).toMatchObject({ recorded: recordQueueMax, dropped: 1 })
  })

  it('is tried once more when the controller closes, then counted as dropped', async () => {
    const stage = new Stage()
    stage.record(1)
    await stage.close()
    expect(stage.recorder.counters).toMatchObject({ recorded: 1, dropped: 0 })

    const lonely = new Stage()
    lonely.agents = []
    lonely.record(1, 2)
    await lonely.close()
    expect(lonely.recorder.counters).toMatchObject({ recorded: 0, dropped: 2 })
  })
})
