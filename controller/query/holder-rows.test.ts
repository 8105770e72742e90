import { expect, test } from 'vitest'
import { LanistaError } from '#protocol/errors.ts'
import { PageWriter } from '#protocol/query/page-writer.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { parseHostId } from '#protocol/subjects/subject.ts'
import { AnswerSize } from './answer-size.ts'
import { type Asking, HolderRows } from './holder-rows.ts'

const limits = { seriesMax: 10, samplesMax: 10 }
const holder = parseHostId('main.home.mate')

test.each<[string, number]>([
  ['TIMED_OUT', 1],
  ['NO_ONE_THERE', 1],
  ['NOT_HELD', 2],
])('an agent that once said %s is asked %i times in two', async (code, expected) => {
  let requests = 0
  const request = async (): Promise<Uint8Array> => {
    if (++requests === 1) throw new LanistaError(code, 'not now')
    return new PageWriter().finish()
  }
  const counts = { pages: 0, bytes: 0, invalid: 0 }
  const rows = new HolderRows({ bus: { request }, clock: { monotonic: () => 0 }, logger: silentLogger }, counts)
  const asking: Asking = {
    question: { tenant: 'main', last: false },
    signal: new AbortController().signal,
    endMs: Number.POSITIVE_INFINITY,
    limits,
    silent: new Set(),
  }
  const answers: unknown[] = []
  for (const host of ['x', 'y']) {
    answers.push(await rows.ask({ owner: parseHostId(`main.home.${host}`), holder }, asking, new AnswerSize(limits)))
  }
  expect(answers).toEqual([undefined, expected === 1 ? undefined : []])
  expect(requests).toBe(expected)
})
