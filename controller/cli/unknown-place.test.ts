import { expect, test } from 'vitest'
import { fakeTerminal } from './fake-terminal.ts'
import { type AskedPlace, placeVerdict, unknownPlaceText } from './unknown-place.ts'

const hosts = [
  { id: 'web-1', tenant: 'main', cloud: 'home', state: 'online' },
  { id: 'db-1', tenant: 'main', cloud: 'far', state: 'offline' },
]

test.each<[string, AskedPlace, string]>([
  ['a host with a typing error', { host: 'wed-1' }, 'name another host: found "wed-1", expected web-1?'],
  ['a whole id', { host: 'main.hom.web-1' }, 'name another host: found "main.hom.web-1", expected main.home.web-1?'],
  ['a host like no other', { host: 'somewhere' }, 'name another host: found "somewhere", expected one of web-1, db-1'],
  ['a host of another cloud', { host: 'db-1', cloud: 'home' }, 'found "db-1" in home'],
  ['a cloud', { cloud: 'hone' }, 'name another cloud: found "hone", expected home?'],
  ['a known host in an unknown cloud', { host: 'web-1', cloud: 'hone' }, 'name another cloud: found "hone"'],
])('%s is told with what was meant', (_, place, text) => {
  expect(unknownPlaceText(place, hosts)).toContain(text)
})

test('of many names some are told, of none that', () => {
  const many = Array.from({ length: 25 }, (_, i) => ({ id: `h${i}`, tenant: 'main', cloud: 'home' }))
  expect(unknownPlaceText({ host: 'somewhere' }, many)).toMatch(/h19 and 5 more$/)
  expect(unknownPlaceText({ host: 'somewhere' }, [])).toMatch(/no host is known$/)
})

test.each<[string, AskedPlace, number, boolean, number]>([
  ['nothing matched on hosts that answered', { host: 'web-1' }, 1, false, 0],
  ['no host at all, and none named', {}, 0, false, 0],
  ['a place without a store', { host: '_controller' }, 0, false, 0],
  ['a host nobody knows', { host: 'wed-1' }, 0, false, 1],
])('%s', async (_, place, answered, hasAnswer, code) => {
  const terminal = fakeTerminal()
  const answer = { value: [], answered, unanswered: '' }
  expect(await placeVerdict(answer, hasAnswer, place, { get: async () => hosts }, terminal)).toBe(code)
  expect(terminal.notes).toHaveLength(code)
})
