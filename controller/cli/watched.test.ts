import { expect, test } from 'vitest'
import { encodeJson } from '#protocol/messages/json.ts'
import { metricSubject } from '#protocol/subjects/subject.ts'
import { parseWatched, watchedLine, watchPattern } from './watched.ts'

const address = { tenant: 'main', cloud: 'home', host: 'h1' }

function message(name: string, body: unknown): { subject: string; body: Uint8Array } {
  return { subject: metricSubject(address, name), body: encodeJson(body) }
}

test('a published metric becomes one line of JSON with the name as the application wrote it', () => {
  const watched = parseWatched(message('shop.größe', { t: 1_700_000_000_000, v: 42, unit: 'cm', tags: { a: 'b' } }))
  expect(watched && JSON.parse(watchedLine(watched, true))).toEqual({
    name: 'shop.größe',
    tags: { a: 'b' },
    ...address,
    timestampMs: 1_700_000_000_000,
    value: 42,
    unit: 'cm',
  })
})

test('for people it is a line of columns that no escape sequence gets through', () => {
  const watched = parseWatched(message('shop.orders', { t: 0, v: 1.5, tags: { a: '\u001b[2J' } }))
  const line = watched ? watchedLine(watched, false) : ''
  expect(line).toMatch(/^1970-01-01T00:00:00\.000Z {2}home\.h1 +shop\.orders;a=\?\[2J +1\.5$/)
})

test('a result that is unknown is told as such', () => {
  const watched = parseWatched(message('monitor.shop.load', { t: 0, v: null }))
  expect(watched?.value).toBeNull()
  expect(watched && watchedLine(watched, false)).toMatch(/monitor\.shop\.load +-$/)
})

test.each([
  ['a body that is no metric', message('x', { t: 'now', v: 1 })],
  ['a subject that is not ours', { subject: 'other.thing', body: encodeJson({ t: 1, v: 1 }) }],
])('%s is passed over', (_, wrong) => {
  expect(parseWatched(wrong)).toBeUndefined()
})

test.each(['shop.*', 'shop.>', '>', '*.orders', 'shop.orders'])('%s can be watched', (pattern) => {
  expect(watchPattern(pattern)).toBe(pattern)
})

test.each(['shop.or*', 'shop.{a,b}', '>.orders', 'shop.*x', 'a[bc]'])(
  '%s is refused: it would match nothing',
  (pattern) => {
    expect(() => watchPattern(pattern)).toThrow(expect.objectContaining({ code: 'USAGE' }))
  },
)
