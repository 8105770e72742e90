import { expect, test } from 'vitest'
import { PageWriter } from '#protocol/query/page-writer.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { parseHostId } from '#protocol/subjects/subject.ts'
import { exportText } from './export-text.ts'
import { type PossibleHost, planHosts } from './plan.ts'

const host = (id: string, state: PossibleHost['state'] = 'online'): PossibleHost => ({
  address: parseHostId(id),
  state,
})
const question = { tenant: 'main', last: false }

async function* goneText({ host }: { readonly host: string }): AsyncGenerator<string> {
  yield `of ${host}\n`
  yield 'more\n'
}

/** The text of two pages of a series; the second does not come when `breaksOff`. */
async function textOf(format: 'json' | 'csv', breaksOff = false): Promise<string> {
  let asked = 0
  const request = async (): Promise<Uint8Array> => {
    const page = new PageWriter()
    page.add({ name: 'web.hits;path=a,b' }, Float64Array.of(1000 + asked), [Float64Array.of(asked === 0 ? -0 : 1.5)])
    if (asked > 0 && breaksOff) throw new Error('gone')
    return page.finish(asked++ === 0 ? { seriesId: 0, fromMs: 1001 } : undefined)
  }
  const plan = planHosts([host('main.home.web')], question)
  const deps = { bus: { request }, clock: systemClock, textOfGone: goneText }
  let text = ''
  for await (const piece of exportText(plan, question, format, deps, new AbortController().signal)) text += piece
  return text
}

test('every sample is a line of CSV', async () => {
  expect(await textOf('csv')).toBe(
    [
      'tenant,cloud,host,series,timestampMs,value',
      'main,home,web,"web.hits;path=a,b",1000,-0',
      'main,home,web,"web.hits;path=a,b",1001,1.5',
      '',
    ].join('\n'),
  )
})

test('no samples are a header alone, and nothing is said before a host has answered', async () => {
  const bus = { request: async (): Promise<Uint8Array> => new PageWriter().finish() }
  const plan = planHosts([host('main.home.web')], question)
  const never = new AbortController().signal
  const pieces = exportText(plan, question, 'csv', { bus, clock: systemClock, textOfGone: goneText }, never)
  expect(await pieces.next()).toMatchObject({ value: 'tenant,cloud,host,series,timestampMs,value\n' })
  const silent = { request: async (): Promise<Uint8Array> => Promise.reject(new Error('gone')) }
  const broken = exportText(plan, question, 'csv', { bus: silent, clock: systemClock, textOfGone: goneText }, never)
  expect(await broken.next()).toMatchObject({ value: 'tenant,cloud,host,series,timestampMs,value\nof web\n' })
})

test('every sample is a line of JSON', async () => {
  const [first] = (await textOf('json')).split('\n')
  expect(JSON.parse(first ?? '')).toEqual({
    name: 'web.hits',
    tags: { path: 'a,b' },
    tenant: 'main',
    cloud: 'home',
    host: 'web',
    timestampMs: 1000,
    value: -0,
  })
})

test('an export that breaks off fails and names the host', async () => {
  await expect(textOf('csv', true)).rejects.toMatchObject({ code: 'HOST_UNAVAILABLE', data: { host: 'main.home.web' } })
})

test('a host that is gone is told out of copies, in its place', async () => {
  const plan = planHosts([host('main.home.db', 'offline')], question)
  const bus = { request: async (): Promise<Uint8Array> => Promise.reject(new Error('gone')) }
  const deps = { bus, clock: systemClock, textOfGone: goneText }
  const pieces: string[] = []
  for await (const piece of exportText(plan, question, 'csv', deps, new AbortController().signal)) pieces.push(piece)
  expect(pieces).toEqual(['tenant,cloud,host,series,timestampMs,value\nof db\n', 'more\n'])
})
