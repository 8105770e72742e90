import { expect, it, test } from 'vitest'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { ApiTokens } from './api-tokens.ts'
import { expectRole, roleFor } from './permissions.ts'

const made = { name: 'ci', tenant: 'main', role: 'viewer', lifetimeMs: 3_600_000 } as const

function open(rows: Map<string, string>, clock: FakeClock): Promise<ApiTokens> {
  return ApiTokens.open({ registry: new MemoryRegistryStore(rows), clock, logger: silentLogger })
}

test('a token is known until it expires, after a restart too, and its text is on no disk', async () => {
  const [rows, clock] = [new Map<string, string>(), new FakeClock(1000)]
  const { token } = await (await open(rows, clock)).create(made)
  expect(JSON.stringify([...rows])).not.toContain(token.slice(8))
  const again = await open(rows, clock)
  expect(again.recognise(token)).toMatchObject({ name: 'ci', role: 'viewer' })
  expect(again.recognise(`${token}x`)).toBeUndefined()
  expect(again.list('main')).toMatchObject([{ name: 'ci', lastUsedMs: 1000 }])
  expect(JSON.stringify(again.list('main'))).not.toContain('hash')
  expect(again.list('other')).toEqual([])
  await clock.advance(3_599_999)
  expect(again.recognise(token)).toBeDefined()
  await clock.advance(1)
  expect(again.recognise(token)).toBeUndefined()
})

test('a revoked token is refused at once and for good, even right after it was used', async () => {
  const [rows, clock] = [new Map<string, string>(), new FakeClock(1000)]
  const tokens = await open(rows, clock)
  const { token } = await tokens.create(made)
  await clock.advance(120_000)
  tokens.recognise(token)
  await tokens.revoke('main', 'ci')
  expect(tokens.recognise(token)).toBeUndefined()
  expect((await open(rows, clock)).recognise(token)).toBeUndefined()
  await expect(tokens.revoke('main', 'ci')).rejects.toMatchObject({ code: 'API_TOKEN_UNKNOWN' })
})

test('of two of one name at once one is made; another tenant may use the name, and does not revoke ours', async () => {
  const tokens = await open(new Map(), new FakeClock(1000))
  const results = await Promise.allSettled([tokens.create(made), tokens.create(made)])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  await expect(tokens.revoke('other', 'ci')).rejects.toMatchObject({ code: 'API_TOKEN_UNKNOWN' })
  expect(await tokens.create({ ...made, tenant: 'other' })).toBeDefined()
})

it.each([
  [{ ...made, name: 'no name' }, 'TOKEN_INVALID'],
  [{ ...made, lifetimeMs: 0 }, 'LIFETIME_INVALID'],
  [{ ...made, lifetimeMs: 367 * 86_400_000 }, 'LIFETIME_INVALID'],
])('%o is refused', async (wanted, code) => {
  await expect((await open(new Map(), new FakeClock(1000))).create(wanted)).rejects.toMatchObject({ code })
})

it.each([
  ['GET', '/api/v1/hosts', 'viewer'],
  ['GET', '/metrics', 'viewer'],
  ['POST', '/api/v1/applications/:name/plan', 'viewer'],
  ['PUT', '/api/v1/applications/:name', 'operator'],
  ['POST', '/api/v1/instances/:id/exec', 'operator'],
  ['DELETE', '/api/v1/subscriptions/:id', 'operator'],
  ['POST', '/api/v1/anything/new', 'operator'],
  ['GET', '/api/v1/audit', 'admin'],
  ['GET', '/api/v1/audit/check', 'admin'],
  ['GET', '/api/v1/secrets', 'admin'],
  ['PUT', '/api/v1/secrets/:name', 'admin'],
  ['POST', '/api/v1/tokens', 'admin'],
  ['GET', '/api/v1/tokensx', 'viewer'],
] as const)('%s %s needs %s', (method, path, role) => {
  expect(roleFor(method, path)).toBe(role)
  expectRole('admin', method, path)
  if (role !== 'viewer')
    expect(() => expectRole('viewer', method, path)).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }))
})
