import { expect, test } from 'vitest'
import { parseConnection, parseHosts } from './answers.ts'

const host = { id: 'web', tenant: 'main', cloud: 'home', state: 'online' }

test('what a newer controller says more is left out', () => {
  expect(parseHosts([{ ...host, mood: 'good' }])).toEqual([host])
})

test.each([
  ['hosts at 1.state, expected text', () => parseHosts([host, { ...host, state: 7 }])],
  ['hosts at the top, expected a list', () => parseHosts({})],
  ['connection at broker, expected text', () => parseConnection({ user: 'o', tenant: 'main' })],
])('another shape is told by its place: %s', (text, parse) => {
  const [what, rest] = text.split(/ (?=at )/)
  expect(parse).toThrow(
    expect.objectContaining({
      code: 'ANSWER_INVALID',
      message: `use a lanista of the controller's version: its answer to ${what} has another shape ${rest}`,
    }),
  )
})
