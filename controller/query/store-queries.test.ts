import { expect, test } from 'vitest'
import { LanistaError } from '#protocol/errors.ts'
import { encodeJsonAnswer, encodeRefusal } from '#protocol/query/answer.ts'
import type { StoreSizes } from '#protocol/query/store-ask.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { hostIdOf, parseHostId, parseSubject } from '#protocol/subjects/subject.ts'
import { planHosts } from './plan.ts'
import { StoreQueries } from './store-queries.ts'

const never = new AbortController().signal
const sizes: StoreSizes = {
  series: 2,
  points: 100,
  bytes: 300,
  bytes_per_point: 2,
  areas: { local: { points: 100, bytes: 200, bytes_max: 1000 }, shared: { points: 0, bytes: 0, bytes_max: 10 } },
  tiers: { '1h': { points: 5, bytes: 100 } },
}

/** A fleet of these hosts; a host without an answer is offline. */
function storesOf(answers: Readonly<Record<string, (() => Uint8Array) | undefined>>): StoreQueries {
  const hosts = Object.entries(answers).map(([id, answer]) => {
    return { address: parseHostId(id), state: answer ? ('online' as const) : ('offline' as const) }
  })
  const request = async (subject: string): Promise<Uint8Array> => {
    const answer = answers[hostIdOf(parseSubject(subject).address)]
    if (!answer) throw new Error('asked a host that is offline')
    return answer()
  }
  return new StoreQueries({ bus: { request }, clock: systemClock, plan: (choice) => planHosts(hosts, choice) })
}

test('sizes are added up over the hosts that answer, and the others are named', async () => {
  const stores = storesOf({
    'main.home.a': () => encodeJsonAnswer(sizes),
    'main.home.b': () => encodeJsonAnswer({ ...sizes, points: 300 }),
    'main.home.busy': () => encodeRefusal(new LanistaError('BUSY', 'later')),
    'main.home.liar': () => encodeJsonAnswer({ ...sizes, bytes: 'many' }),
    'main.home.off': undefined,
  })
  const { sum, found, unanswered } = await stores.sizes({ tenant: 'main' }, never)
  expect(sum).toEqual({
    series: 4,
    points: 400,
    bytes: 600,
    bytes_per_point: 1,
    areas: { local: { points: 200, bytes: 400, bytes_max: 2000 }, shared: { points: 0, bytes: 0, bytes_max: 20 } },
    tiers: { '1h': { points: 10, bytes: 200 } },
  })
  expect(found.map(({ owner }) => owner.host)).toEqual(['a', 'b'])
  expect(unanswered).toEqual(['main.home.busy', 'main.home.liar', 'main.home.off'])
})

test('nobody at all is nothing at all', async () => {
  const { sum } = await storesOf({}).sizes({ tenant: 'main' }, never)
  expect(sum).toEqual({ series: 0, points: 0, bytes: 0, bytes_per_point: 0, areas: {}, tiers: {} })
})

test('a check lists what each host found', async () => {
  const check = { series: 1, rows: 1, blocks: 1, pages: 0, tierBlocks: 0, journalSamples: 1, samples: 1, damaged: 1 }
  const damages = [{ kind: 'block', where: 'store/local 64', reason: 'checksum' }]
  const stores = storesOf({ 'main.home.a': () => encodeJsonAnswer({ ...check, damages }) })
  expect((await stores.check({ tenant: 'main' }, never)).found).toMatchObject([{ value: { damaged: 1, damages } }])
})
