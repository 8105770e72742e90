import { expect, test } from 'vitest'
import { LanistaError } from '#protocol/errors.ts'
import { encodeJsonAnswer, encodeRefusal } from '#protocol/query/answer.ts'
import { parseStoreAsk, type StoreAsk, type StoreSizes } from '#protocol/query/store-ask.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { hostIdOf, parseHostId, parseSubject } from '#protocol/subjects/subject.ts'
import { dumpText, onlyHost } from './dump-text.ts'
import { type PlannedHost, planHosts } from './plan.ts'
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
function storesOf(answers: Readonly<Record<string, ((ask: StoreAsk) => Uint8Array) | undefined>>): StoreQueries {
  const hosts = Object.entries(answers).map(([id, answer]) => {
    return { address: parseHostId(id), state: answer ? ('online' as const) : ('offline' as const) }
  })
  const request = async (subject: string, body: Uint8Array): Promise<Uint8Array> => {
    const answer = answers[hostIdOf(parseSubject(subject).address)]
    if (!answer) throw new Error('asked a host that is offline')
    return answer(parseStoreAsk(body))
  }
  return new StoreQueries({ bus: { request }, clock: systemClock, plan: (choice) => planHosts(hosts, choice) })
}

test('sizes are added up over the hosts that answer, and the others are named', async () => {
  const stores = storesOf({
    'main.home.a': () => encodeJsonAnswer(sizes),
    'main.home.b': () => encodeJsonAnswer({ ...sizes, points: 300, bytes_per_point: 1 }),
    'main.home.busy': () => encodeRefusal(new LanistaError('BUSY', 'later')),
    'main.home.liar': () => encodeJsonAnswer({ ...sizes, bytes: 'many' }),
    'main.home.off': undefined,
  })
  const { sum, found, unanswered } = await stores.sizes({ tenant: 'main' }, never)
  expect(sum).toEqual({
    series: 4,
    points: 400,
    bytes: 600,
    bytes_per_point: 1.25,
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

const stretch = { rows: 1, blocks: 2, pages: 0, tierBlocks: 0, damaged: 1, put_aside: 1 }
const damage = { kind: 'block', where: 'store/local 64', reason: 'checksum' }

test('a repair goes on stretch by stretch until it is done; who breaks off or turns in a circle is not done', async () => {
  const asked: (string | undefined)[] = []
  const stretches = (nexts: Readonly<Record<string, string | undefined>>) => (ask: StoreAsk) => {
    const next = nexts[ask.after ?? '']
    if (next === 'gone') return encodeRefusal(new LanistaError('BUSY', 'later'))
    return encodeJsonAnswer({ ...stretch, damages: [damage], next })
  }
  const stores = storesOf({
    'main.home.a': (ask) => {
      asked.push(ask.after)
      return stretches({ '': '0:01', '0:01': '1:00' })(ask)
    },
    'main.home.breaks': stretches({ '': '0:01', '0:01': 'gone' }),
    'main.home.circle': stretches({ '': '0:01', '0:01': '0:01' }),
    'main.home.silent': stretches({ '': 'gone' }),
  })
  const { found, unanswered } = await stores.repair({ tenant: 'main' }, never)
  expect(asked).toEqual([undefined, '0:01', '1:00'])
  expect(found.map(({ owner, value }) => [owner.host, value.damaged, value.damages.length, value.next])).toEqual([
    ['a', 3, 3, undefined],
    ['breaks', 1, 1, '0:01'],
    ['circle', 1, 1, '0:01'],
  ])
  expect(unanswered).toEqual(['main.home.silent'])
})

async function dumped(answer: (ask: StoreAsk) => Uint8Array): Promise<string[]> {
  const host = onlyHost([{ owner: parseHostId('main.home.a'), holders: [parseHostId('main.home.a')], mates: [] }])
  const lines: string[] = []
  for await (const text of dumpText(host, storesOf({ 'main.home.a': answer }), never)) lines.push(...text.split('\n'))
  return lines.filter((line) => line !== '')
}

test('a dump is read page by page, and refused when it breaks off, is something else, or does not get further', async () => {
  const entry = { kind: 'row', database: 'journal', from: 1, to: 2, bytes: 9 }
  const pages: Record<string, string> = { '': '0:01', '0:01': '2:' }
  const lines = await dumped(({ after }) => encodeJsonAnswer({ entries: [entry], next: pages[after ?? ''] }))
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([entry, entry, entry])
  const unavailable = expect.objectContaining({ code: 'HOST_UNAVAILABLE', data: { host: 'main.home.a' } })
  for (const next of ['0:01', 'nowhere']) {
    await expect(dumped(() => encodeJsonAnswer({ entries: [entry], next }))).rejects.toEqual(unavailable)
  }
  await expect(dumped(() => encodeRefusal(new LanistaError('BUSY', 'later')))).rejects.toEqual(unavailable)
  await expect(dumped(() => encodeJsonAnswer({ entries: [{ kind: 'secret' }] }))).rejects.toEqual(unavailable)
})

test('a dump is of one host that can be asked', () => {
  const planned = (id: string, isThere = true): PlannedHost => {
    const owner = parseHostId(id)
    return { owner, holders: isThere ? [owner] : [], mates: [] }
  }
  const both = [planned('main.home.a'), planned('main.home.b')]
  expect(() => onlyHost(both)).toThrow(/found 2 \(main\.home\.a, main\.home\.b\), expected one/)
  expect(() => onlyHost([])).toThrow(/found none/)
  expect(() => onlyHost([planned('main.home.a', false)])).toThrow(expect.objectContaining({ code: 'HOST_UNAVAILABLE' }))
})
