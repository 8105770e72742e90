import { expect, test } from 'vitest'
import { LanistaError } from '#protocol/errors.ts'
import { hostIdOf, parseHostId } from '#protocol/subjects/subject.ts'
import { copiesText, reachable } from './export-copies.ts'
import type { FleetAnswer } from './fleet-queries.ts'
import { type PossibleHost, planHosts } from './plan.ts'
import type { Question } from './question.ts'

const never = new AbortController().signal
const owner = parseHostId('main.home.db')
const question: Question = { tenant: 'main', last: false }
const host = (id: string, state: PossibleHost['state']): PossibleHost => ({ address: parseHostId(id), state })

/** Copies of samples at these times; more than `most` of them are too many for one answer. */
class Copies {
  readonly asked: Question[] = []
  readonly #timesMs: readonly number[]
  readonly #most: number

  constructor(timesMs: readonly number[], most: number) {
    this.#timesMs = timesMs
    this.#most = most
  }

  async ask(question: Question): Promise<FleetAnswer> {
    this.asked.push(question)
    const { fromMs = 0, untilMs = Number.POSITIVE_INFINITY } = question
    const times = this.#timesMs.filter((t) => t >= fromMs && t <= untilMs)
    if (times.length > this.#most) throw new LanistaError('ANSWER_TOO_LARGE', 'ask for less')
    const head = {
      name: 'a',
      tags: {},
      host: 'db',
      cloud: 'home',
      tenant: 'main',
      unit: null,
      served_by: 'x',
      step_ms: null,
    }
    const columns = { timestampsMs: Float64Array.from(times), columns: [Float64Array.from(times)] }
    return { rows: [{ key: 'a', head, columns }], answered: 1, unanswered: [] }
  }
}

async function timesOf(copies: Copies): Promise<string[]> {
  let text = ''
  for await (const piece of copiesText(owner, question, 'csv', { copies, nowMs: 10_000 }, never)) text += piece
  return text.split('\n').slice(0, -1)
}

test('every sample comes once, in order of time, however little fits into one answer', async () => {
  const times = [0, 1, 2, 999, 5_000, 5_001, 10_000]
  const lines = times.map((t) => `main,home,db,a,${t},${t}`)
  for (const most of [1, 2, 100]) expect(await timesOf(new Copies(times, most))).toEqual(lines)
})

test('what does not fit though it is one moment ends it', async () => {
  await expect(timesOf(new Copies([7], 0))).rejects.toMatchObject({ code: 'ANSWER_TOO_LARGE' })
})

test('hosts that neither answer nor are held by others are named, and the rest is exported', async () => {
  const hosts = [host('main.home.web', 'online'), host('main.home.db', 'offline'), host('main.home.lost', 'suspect')]
  const asked: Question[] = []
  const ask = async (one: Question): Promise<FleetAnswer> => {
    asked.push(one)
    return { rows: [], answered: 2, unanswered: ['main.home.lost'] }
  }
  const { plan, missing } = await reachable(planHosts(hosts, question), question, { ask }, never)
  expect(asked).toMatchObject([{ tenant: 'main', names: true }])
  expect(plan.map((one) => hostIdOf(one.owner))).toEqual(['main.home.web', 'main.home.db'])
  expect(missing).toEqual(['main.home.lost'])
})
