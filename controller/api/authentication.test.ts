import { expect, it } from 'vitest'
import { principalOf } from './authentication.ts'

const credential = { user: 'operator', token: 's3cret' }
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`

it.each([
  ['a bearer token', 'Bearer s3cret', true],
  ['the scheme in any case', 'bearer s3cret', true],
  ['a user and password', basic('operator:s3cret'), true],
  ['another token', 'Bearer s3cret2', false],
  ['a prefix of the token', 'Bearer s3cre', false],
  ['an empty token', 'Bearer ', false],
  ['another user', basic('root:s3cret'), false],
  ['no user', basic(':s3cret'), false],
  ['another scheme', 'Digest s3cret', false],
  ['the token alone', 's3cret', false],
  ['nothing', undefined, false],
])('%s', (_name, header, isRight) => {
  const admin = { who: 'operator', role: 'admin' }
  expect(principalOf(header, credential, () => undefined)).toEqual(isRight ? admin : undefined)
})

it('a token of another has its own role, as a bearer alone', () => {
  const recognise = (token: string) => (token === 'other' ? { name: 'ci', role: 'viewer' as const } : undefined)
  expect(principalOf('Bearer other', credential, recognise)).toEqual({ who: 'token/ci', role: 'viewer' })
  expect(principalOf(basic('operator:other'), credential, recognise)).toBeUndefined()
  expect(principalOf('Bearer others', credential, recognise)).toBeUndefined()
})
