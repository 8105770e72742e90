import { afterEach, expect, it, vi } from 'vitest'
import type { Bus } from '#broker/bus.ts'
import { MemoryBroker } from '#broker/memory.ts'
import { LanistaError } from '#protocol/errors.ts'
import { encodeJsonAnswer, openAnswer } from '#protocol/query/answer.ts'
import { answerKind } from '#protocol/query/page-format.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { buildSubject, prefixOf } from '#protocol/subjects/subject.ts'
import { Answering, type AnswerTo } from './answering.ts'

const address = { tenant: 'main', cloud: 'home', host: 'h1' }
const closes: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close()
})

class Stage {
  readonly said: (number | 'unsent')[] = []
  readonly controller: Bus
  readonly bus: Bus
  readonly answering: Answering

  constructor(answerTo: AnswerTo) {
    const clock = new FakeClock()
    const broker = new MemoryBroker({ clock, logger: silentLogger })
    this.controller = broker.connect({ kind: 'controller' })
    this.bus = broker.connect({ kind: 'agent', address })
    const onSent = (bytes: number): unknown => this.said.push(bytes)
    const onUnsent = (): unknown => this.said.push('unsent')
    this.answering = new Answering({ bus: this.bus, logger: silentLogger, onSent, onUnsent })
    this.answering.hear(`${prefixOf(address)}.control.query.>`, answerTo)
    for (const each of [this.controller, this.bus, this.answering]) closes.push(() => each.close())
  }

  async ask(id: string, signal: AbortSignal = AbortSignal.timeout(5_000)): Promise<Uint8Array> {
    await this.controller.up(signal)
    const subject = buildSubject(address, 'control', 'query', id)
    return this.controller.request(subject, new Uint8Array([7]), { signal, deadlineMs: 5_000 })
  }
}

it('sends what is made of the question', async () => {
  const stage = new Stage(async (body, subject) => encodeJsonAnswer([subject, ...body]))
  const answer = await stage.ask('q1')
  expect(answer).toEqual(encodeJsonAnswer(['lanista.main.home.h1.control.query.q1', 7]))
  expect(stage.said).toEqual([answer.length])
})

it('sends an error with a code as the refusal it is', async () => {
  const stage = new Stage(async () => {
    throw new LanistaError('BUSY', 'ask later')
  })
  const answer = await stage.ask('q1')
  expect(() => openAnswer(answer, answerKind.json)).toThrow(expect.objectContaining({ code: 'BUSY' }))
  expect(stage.said).toEqual([answer.length])
})

it('answers nothing for an error without one, and goes on', async () => {
  const errors: unknown[] = [new Error('a mistake of ours')]
  const stage = new Stage(async () => {
    if (errors.length > 0) throw errors.pop()
    return encodeJsonAnswer({})
  })
  const stop = new AbortController()
  const unanswered = stage.ask('q1', stop.signal)
  await expect(stage.ask('q2')).resolves.toEqual(encodeJsonAnswer({}))
  stop.abort(new LanistaError('ABORTED', 'stop'))
  await expect(unanswered).rejects.toThrow('stop')
  expect(stage.said).toEqual(['unsent', 4])
})

it('closed, hears no more at once and ends with its last answer', async () => {
  const waiting: ((body: Uint8Array) => void)[] = []
  const stage = new Stage(() => new Promise((resolve) => waiting.push(resolve)))
  const answer = stage.ask('q1')
  await vi.waitFor(() => expect(stage.answering.open).toBe(1))
  let isClosed = false
  const closed = stage.answering.close().then(() => {
    isClosed = true
  })
  await expect(stage.ask('q2')).rejects.toThrow(expect.objectContaining({ code: 'NO_ONE_THERE' }))
  expect(isClosed).toBe(false)
  waiting[0]?.(encodeJsonAnswer({}))
  await expect(answer).resolves.toEqual(encodeJsonAnswer({}))
  await closed
  expect([waiting.length, stage.answering.open]).toEqual([1, 0])
})
