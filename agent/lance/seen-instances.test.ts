import { expect, test } from 'vitest'
import { MemoryBroker } from '#broker/memory.ts'
import type { KnownInstance } from '#protocol/monitors/binding.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { MemoryInstanceStore } from './instance-store.ts'
import type { Lance } from './lance.ts'
import { lanceForTests } from './lance-stage.ts'
import { specForTests } from './machine-driver.ts'
import { MemoryHost } from './runtime/memory-host.ts'

test('who follows instances hears of those that come, of those that were there before, and of those that are gone', async () => {
  const clock = new FakeClock(1_700_000_000_000)
  const broker = new MemoryBroker({ clock, logger: silentLogger })
  const store = new MemoryInstanceStore()
  const host = new MemoryHost()
  const seen: KnownInstance[] = []
  const open = (): Lance => lanceForTests({ broker, clock, host, store, onSeen: (instance) => seen.push(instance) })
  const context = { id: 'o', key: 'k', signal: AbortSignal.timeout(10_000), progress: () => {} }
  const spec = specForTests({ startDetector: undefined, requires: [] })
  const { id, application, component } = spec
  const first = open()
  first.start()
  await first.handler.handle('instance-apply', JSON.parse(JSON.stringify(spec)), context)
  await clock.advance(0)
  expect(seen).toEqual([{ application, component, instance: id, sinceMs: clock.now() }])
  await first.close()

  const second = open()
  expect(seen.at(-1)).toEqual({ application, component, instance: id, sinceMs: 0 })
  second.start()
  await clock.advance(0)
  const removed = second.handler.handle('instance-remove', { id }, context)
  await clock.advance(60_000)
  await removed
  expect(seen.at(-1)).toMatchObject({ instance: id, goneMs: expect.any(Number) })
  await second.close()
})
