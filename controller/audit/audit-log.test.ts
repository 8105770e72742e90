import * as fc from 'fast-check'
import { expect, it, test } from 'vitest'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { type AuditFact, AuditLog } from './audit-log.ts'

const fact: AuditFact = {
  who: 'operator',
  from: '127.0.0.1',
  tenant: 'main',
  action: 'PUT /api/v1/applications/shop',
  status: 200,
  outcome: 'done',
}
const all = { tenant: 'main', fromMs: 0, untilMs: Infinity, limit: 1000 }

function keyOf(index: number): string {
  return `audit!${String(index).padStart(12, '0')}`
}

function open(rows: Map<string, string>, entriesMax?: number): Promise<AuditLog> {
  const registry = new MemoryRegistryStore(rows)
  return AuditLog.open({ entriesMax }, { registry, clock: new FakeClock(1000), logger: silentLogger })
}

async function filled(count: number, rows: Map<string, string> = new Map()): Promise<Map<string, string>> {
  const log = await open(rows)
  for (let i = 0; i < count; i++) await log.append({ ...fact, status: 200 + i })
  return rows
}

test('entries are listed for their tenant alone, the newest of a range, oldest first', async () => {
  const rows = await filled(5)
  const log = await open(rows)
  await log.append({ ...fact, tenant: 'other' })
  expect((await log.list({ ...all, limit: 2 })).map(({ status }) => status)).toEqual([203, 204])
  expect((await log.list(all)).map(({ index }) => index)).toEqual([0, 1, 2, 3, 4])
  expect(await log.list({ ...all, tenant: 'other' })).toHaveLength(1)
  expect(await log.list({ ...all, untilMs: 999 })).toEqual([])
})

test('an empty log, and one that was appended to by many at once and opened again, are whole', async () => {
  const rows = new Map<string, string>()
  expect(await (await open(rows)).check()).toMatchObject({ entries: 0, findings: [] })
  const log = await open(rows)
  await Promise.all(Array.from({ length: 20 }, () => log.append(fact)))
  await (await open(rows)).append(fact)
  expect(await (await open(rows)).check()).toMatchObject({ entries: 21, findings: [] })
})

test('any entry changed, taken out, or written anew with a hash that fits it, is found and named', async () => {
  const whole = await filled(8)
  const forged = await filled(0)
  for (const log = await open(forged); forged.size < 9; ) await log.append({ ...fact, who: 'nobody' })
  await fc.assert(
    fc.asyncProperty(fc.nat(7), fc.constantFrom('change', 'remove', 'forge', 'garble'), async (index, how) => {
      const rows = new Map(whole)
      const row = JSON.parse(rows.get(keyOf(index)) ?? '{}') as object
      if (how === 'remove') rows.delete(keyOf(index))
      else if (how === 'change') rows.set(keyOf(index), JSON.stringify({ ...row, who: 'nobody' }))
      else if (how === 'garble') rows.set(keyOf(index), '{}')
      else rows.set(keyOf(index), forged.get(keyOf(index)) ?? '')
      const { findings } = await (await open(rows)).check()
      expect(findings).toContainEqual({ index, kind: how === 'remove' ? 'missing' : 'changed' })
    }),
  )
})

it.each([
  ['the newest', [6, 7]],
  ['the oldest', [0, 1]],
  ['two in the middle', [3, 4]],
  ['all', [0, 1, 2, 3, 4, 5, 6, 7]],
])('%s taken out are named, and no other', async (_name, gone) => {
  const rows = await filled(8)
  for (const index of gone) rows.delete(keyOf(index))
  const { findings } = await (await open(rows)).check()
  expect(findings).toEqual(gone.map((index) => ({ index, kind: 'missing' })))
})

test('when the ends are lost, the log says so itself and goes on', async () => {
  const rows = await filled(3)
  rows.delete('audit-ends')
  const log = await open(rows)
  expect(await log.check()).toMatchObject({ entries: 4, findings: [] })
  expect(await log.list({ ...all, tenant: '_controller' })).toMatchObject([{ index: 3, outcome: 'AUDIT_ENDS_LOST' }])
})

test('the oldest go when there are too many, and what is left is still whole', async () => {
  const rows = new Map<string, string>()
  const log = await open(rows, 10)
  for (let i = 0; i < 35; i++) await log.append(fact)
  expect(await log.check()).toMatchObject({ entries: 10, findings: [] })
  expect(rows.size).toBe(11)
  rows.delete(keyOf(25))
  expect((await log.check()).findings).toEqual([{ index: 25, kind: 'missing' }])
})
