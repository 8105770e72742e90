import { expect, test } from 'vitest'
import { chooseEndpoint, defaultControllerUrl } from './endpoint.ts'

const one = new Map([['http://127.0.0.1:5000', 'five']])
const two = new Map([...one, ['http://127.0.0.1:4400', 'four']])

test.each([
  ['the flag wins', 'http://h:1', 'http://h:2', two, 'http://h:1', undefined],
  ['then the environment', undefined, 'http://127.0.0.1:5000/', two, 'http://127.0.0.1:5000', 'five'],
  ['an empty environment is none', undefined, '', two, defaultControllerUrl, 'four'],
  ['the default when it has a token', undefined, undefined, two, defaultControllerUrl, 'four'],
  ['the only one with a token', undefined, undefined, one, 'http://127.0.0.1:5000', 'five'],
  ['the default when nothing is known', undefined, undefined, new Map(), defaultControllerUrl, undefined],
  ['localhost finds the token of 127.0.0.1', 'http://localhost:5000', undefined, one, 'http://localhost:5000', 'five'],
] as const)('%s', (_, flag, environment, tokens, url, token) => {
  expect(chooseEndpoint(flag, environment, tokens)).toEqual({ url, token })
})

test('of several none is guessed: all are named, the newest first', () => {
  const several = new Map([...one, ['http://127.0.0.1:6000', 'six']])
  expect(() => chooseEndpoint(undefined, undefined, several)).toThrow(
    expect.objectContaining({
      code: 'USAGE',
      message: expect.stringMatching(
        /--controller.*found tokens for http:\/\/127.0.0.1:6000, http:\/\/127.0.0.1:5000$/,
      ),
    }),
  )
})

test('what is no URL is refused naming where it came from', () => {
  expect(() => chooseEndpoint('nowhere', undefined, one)).toThrow(/--controller/)
  expect(() => chooseEndpoint(undefined, 'ftp://x', one)).toThrow(/LANISTA_CONTROLLER/)
})
