import { expect, it } from 'vitest'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import type { HostRow } from './host-record.ts'
import { HostRows } from './host-rows.ts'

class FailingRegistry extends MemoryRegistryStore {
  isBroken = true
  override async write(...changes: Parameters<MemoryRegistryStore['write']>): Promise<void> {
    if (this.isBroken) throw new Error('no space left')
    await super.write(...changes)
  }
}

it('what could not be written is written with the next change, as it is then', async () => {
  const clock = new FakeClock()
  const registry = new FailingRegistry()
  const known = new Map<string, HostRow>([['main.home.web', { session: 1, isDead: false }]])
  const rows = new HostRows({ registry, clock, logger: silentLogger, rowOf: (host) => known.get(host) })
  rows.touch('main.home.web')
  await clock.advance(1000)
  expect(rows.failures).toBe(1)
  registry.isBroken = false
  known.set('main.home.web', { session: 2, isDead: true })
  known.set('main.home.db', { session: 7, isDead: false })
  rows.touch('main.home.db')
  await clock.advance(1000)
  await registry.write([{ key: 'host!main.home.odd', value: 'no row' }])
  const read: (readonly [string, HostRow])[] = []
  for await (const row of rows.read()) read.push(row)
  expect(read).toEqual([
    ['main.home.db', { session: 7, isDead: false }],
    ['main.home.web', { session: 2, isDead: true }],
  ])
})
