import { describe, expect, it } from 'vitest'
import { everyTenant } from '#protocol/permissions.ts'
import { type BrokerUser, brokerUserId, checkBrokerUser, hashPassword, matchesPassword } from './credentials.ts'
import { generateNkey } from './nkey.ts'

const publicKey = generateNkey().publicKey
const agent: BrokerUser = { kind: 'agent', address: { tenant: 'acme', cloud: 'c1', host: 'a1' }, publicKey }
const operator: BrokerUser = { kind: 'operator', tenant: 'acme', user: 'olga', password: 'long-enough' }

describe('a user of a broker', () => {
  it('is known by its host id, as the controller, or by user name', () => {
    expect([agent, { kind: 'controller', publicKey } as const, operator].map(brokerUserId)).toEqual([
      'acme.c1.a1',
      '_controller',
      'olga',
    ])
  })

  it.each<[string, BrokerUser, string]>([
    ['a host named *', { ...agent, address: { tenant: 'acme', cloud: 'c1', host: '*' } }, 'TOKEN_INVALID'],
    ['an agent of every tenant', { ...agent, address: { tenant: '*', cloud: 'c1', host: 'a1' } }, 'TOKEN_INVALID'],
    ['a tenant with a dot', { ...operator, tenant: 'a.b' }, 'TOKEN_INVALID'],
    ['an operator named like a host', { ...operator, user: 'acme.c1.a1' }, 'TOKEN_INVALID'],
    ['a reserved name', { ...operator, user: '_controller' }, 'TOKEN_INVALID'],
    ['a short password', { ...operator, password: 'short' }, 'USER_INVALID'],
    ['a password with a quote', { ...operator, password: 'long"enough' }, 'USER_INVALID'],
    ['a password that looks hashed', { ...operator, password: '$2a$11$abcdefgh' }, 'USER_INVALID'],
    ['a seed for a key', { ...agent, publicKey: generateNkey().seed }, 'NKEY_INVALID'],
  ])('is refused with %s', (_what, user, code) => {
    expect(() => checkBrokerUser(user)).toThrow(expect.objectContaining({ code }))
  })

  it('may be an operator of every tenant', () => {
    expect(() => checkBrokerUser({ ...operator, tenant: everyTenant })).not.toThrow()
  })

  it('has its password compared whole', () => {
    const hash = hashPassword('long-enough')
    expect(matchesPassword(hash, Buffer.from('long-enough'))).toBe(true)
    expect(matchesPassword(hash, Buffer.from('long-enougH'))).toBe(false)
    expect(matchesPassword(hash, Buffer.from(''))).toBe(false)
  })
})
