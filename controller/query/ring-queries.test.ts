import { expect, test } from 'vitest'
import { ringShape } from '#controller/api/answer-shapes.ts'
import { LanistaError } from '#protocol/errors.ts'
import { encodeJsonAnswer, encodeRefusal } from '#protocol/query/answer.ts'
import type { RingStatus } from '#protocol/query/ring-status.ts'
import { hostIdOf, parseHostId, parseSubject } from '#protocol/subjects/subject.ts'
import type { PossibleHost } from './plan.ts'
import { RingQueries } from './ring-queries.ts'

const never = new AbortController().signal

function status(host: string, more: Partial<RingStatus> = {}): RingStatus {
  return {
    host,
    zone: 'z1',
    position: '00000000000000ff',
    start: 1,
    copies: 3,
    degree: 3,
    isUnderReplicated: false,
    isQuarantined: false,
    members: [{ host: 'b', zone: '', state: 'alive' }],
    holders: [
      { host: 'b', lagSamples: 7, lagSeconds: 1 },
      { host: 'c', standsInFor: 'd', lagSamples: 2, lagSeconds: 4 },
    ],
    held: [],
    heldBytes: 30,
    bytesOut: 10,
    bytesIn: 20,
    ...more,
  }
}

/** What hosts answer; undefined = offline. */
type Answers = Readonly<Record<string, (() => Uint8Array) | undefined>>

function ringsOf(answers: Answers): RingQueries {
  const hosts = Object.entries(answers).map(([id, answer]): PossibleHost => {
    return { address: parseHostId(id), state: answer ? 'online' : 'offline' }
  })
  const request = async (subject: string): Promise<Uint8Array> => {
    const { address, kind, rest } = parseSubject(subject)
    expect([kind, rest[0]]).toEqual(['control', 'ring'])
    const answer = answers[hostIdOf(address)]
    if (!answer) throw new Error('asked a host that is offline')
    return answer()
  }
  return new RingQueries({ bus: { request }, hosts: () => hosts })
}

function fails(code: string): () => never {
  return () => {
    throw new LanistaError(code, 'no')
  }
}

test('a host in the ring is shown with its place, its holders, and the lag of the slowest', async () => {
  const rings = ringsOf({
    'main.home.a': () => encodeJsonAnswer(status('a')),
    'main.home.b': () => encodeJsonAnswer(status('b', { held: [{ owner: 'a', samples: 5, bytes: 9 }] })),
  })
  const [a] = await rings.ask({ tenant: 'main' }, never)
  expect(a).toMatchObject({ host: 'a', ring: 'member', zone: 'z1', copies: 3, degree: 3, position: '00000000000000ff' })
  expect(a).toMatchObject({ lag_samples: 7, lag_seconds: 4, bytes_out: 10, bytes_in: 20, held_bytes: 30 })
  expect(a?.holders[1]).toEqual({ host: 'c', stands_in_for: 'd', lag_samples: 2, lag_seconds: 4 })
  expect(a?.held_by).toEqual([{ host: 'b', samples: 5, bytes: 9 }])
})

test('who does not answer, answers with noise, or has no ring is shown as such', async () => {
  const rings = ringsOf({
    'main.home.late': fails('TIMED_OUT'),
    'main.home.liar': () => encodeJsonAnswer({ ...status('liar'), position: '\u001b[31m' }),
    'main.home.noise': () => Uint8Array.of(1, 2, 3),
    'main.home.off': undefined,
    'main.home.refuses': () => encodeRefusal(new LanistaError('NO_RING', 'none')),
    'main.home.without': fails('NO_ONE_THERE'),
  })
  const views = await rings.ask({ tenant: 'main' }, never)
  expect(views.map(({ host, ring }) => `${host} ${ring}`)).toEqual([
    'late silent',
    'liar silent',
    'noise silent',
    'off absent',
    'refuses absent',
    'without absent',
  ])
  expect(views.every(({ degree }) => degree === null)).toBe(true)
  expect(ringShape.parse(views)).toEqual(views)
})

test('of a host that is gone the others say how many copies there are, each cloud for itself', async () => {
  const holding = (samples: number) => (): Uint8Array =>
    encodeJsonAnswer(status('x', { held: [{ owner: 'gone', samples, bytes: 1 }] }))
  const answers: Answers = {
    'main.aws.d': holding(100),
    'main.home.a': holding(100),
    'main.home.b': holding(99),
    'main.home.gone': undefined,
  }
  const [gone] = await ringsOf(answers)
    .ask({ tenant: 'main', cloud: 'home' }, never)
    .then((views) => views.slice(2))
  expect(gone).toMatchObject({ host: 'gone', ring: 'absent', copies: 3, degree: 1, is_under_replicated: true })
  expect(gone?.held_by.map(({ host }) => host)).toEqual(['a', 'b'])
  const restored = await ringsOf({ ...answers, 'main.home.b': holding(100) }).ask({ tenant: 'main' }, never)
  expect(restored.find(({ host }) => host === 'gone')).toMatchObject({ degree: 2, is_under_replicated: false })
})

test('who has too few copies is told when they are made anew: after what is left of the grace time, or now', async () => {
  const members: RingStatus['members'] = [
    { host: 'b', zone: '', state: 'alive' },
    { host: 'gone', zone: '', state: 'suspect', deadInSeconds: 40 },
  ]
  const held = [{ owner: 'gone', samples: 5, bytes: 1 }]
  const few = { degree: 2, isUnderReplicated: true }
  const rings = ringsOf({
    'main.home.a': () => encodeJsonAnswer(status('a', { ...few, members, held })),
    'main.home.b': () => encodeJsonAnswer(status('b', { ...few, members: members.slice(0, 1) })),
    'main.home.c': () => encodeJsonAnswer(status('c', { members })),
    'main.home.gone': undefined,
  })
  const views = await rings.ask({ tenant: 'main' }, never)
  expect(views.map((view) => [view.host, view.copies_possible, view.rebuild_in_seconds])).toEqual([
    ['a', 3, 40],
    ['b', 2, 0],
    ['c', 3, null],
    ['gone', 3, 40],
  ])
  const unnoticed = ringsOf({
    'main.home.a': () => encodeJsonAnswer(status('a', { members: [{ host: 'gone', zone: '', state: 'alive' }], held })),
    'main.home.gone': undefined,
    'main.home.x': () => encodeJsonAnswer(status('x')),
  })
  const [, view] = await unnoticed.ask({ tenant: 'main' }, never)
  expect(view).toMatchObject({ host: 'gone', is_under_replicated: true, rebuild_in_seconds: null })
  expect(views[0]?.members[1]).toEqual({ host: 'gone', zone: '', state: 'suspect', dead_in_seconds: 40 })
})

test('an answer that agents of a later version give is read', async () => {
  const rings = ringsOf({ 'main.home.a': () => encodeJsonAnswer({ ...status('a'), later: 1 }) })
  expect(await rings.ask({ tenant: 'main' }, never)).toMatchObject([{ ring: 'member' }])
})
