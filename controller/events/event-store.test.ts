import { describe, expect, it } from 'vitest'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import type { EventDraft } from './event.ts'
import { EventStore, type EventStoreOptions, eventStoreDefaults } from './event-store.ts'

interface Opened {
  readonly rows: Map<string, string>
  readonly clock: FakeClock
  readonly reopen: () => Promise<EventStore>
  readonly store: EventStore
}

async function opened(options: Partial<EventStoreOptions> = {}): Promise<Opened> {
  const rows = new Map<string, string>()
  const clock = new FakeClock()
  const reopen = (): Promise<EventStore> =>
    EventStore.open(
      { ...eventStoreDefaults, ...options },
      { registry: new MemoryRegistryStore(rows), clock, logger: silentLogger },
    )
  return { rows, clock, reopen, store: await reopen() }
}

function draft(id: string, more: Partial<EventDraft> = {}): EventDraft {
  return { id, kind: 'door.opened', tenant: 'main', cloud: 'home', host: 'web', saidMs: 1, fields: { n: 1 }, ...more }
}

function idsOf(store: EventStore, filter = {}, limit = 100): string[] {
  return store.query(filter, limit).map(({ id }) => id)
}

describe('the event store', () => {
  it('keeps events in the order in which they were heard, also over a restart', async () => {
    const { store, reopen } = await opened()
    for (const id of ['a', 'b', 'c']) store.append(draft(id))
    await store.close()
    const again = await reopen()
    again.append(draft('d'))
    expect(idsOf(again)).toEqual(['a', 'b', 'c', 'd'])
    expect(again.size).toEqual({ events: 4, lastSeq: 3 })
  })

  it('takes an event once, also after a restart', async () => {
    const { store, reopen } = await opened()
    expect(store.append(draft('a'))?.seq).toBe(0)
    expect(store.append(draft('a'))).toBeUndefined()
    await store.close()
    const again = await reopen()
    expect(again.append(draft('a'))).toBeUndefined()
    expect(again.counters.repeated).toBe(1)
  })

  it('finds by kind, application, host, time and place in the order', async () => {
    const { store, clock } = await opened()
    store.append(draft('a', { application: 'shop' }))
    await clock.advance(1000)
    store.append(draft('b', { kind: 'door.closed', host: 'db' }))
    store.append(draft('c', { tenant: 'other' }))
    const nowMs = clock.now()
    expect(idsOf(store, { application: 'shop' })).toEqual(['a'])
    expect(idsOf(store, { kind: (kind: string) => kind.endsWith('closed') })).toEqual(['b'])
    expect(idsOf(store, { host: 'db' })).toEqual(['b'])
    expect(idsOf(store, { tenant: 'main' })).toEqual(['a', 'b'])
    expect(idsOf(store, { untilMs: nowMs - 1 })).toEqual(['a'])
    expect(idsOf(store, { fromMs: nowMs })).toEqual(['b', 'c'])
    expect(idsOf(store, {}, 2)).toEqual(['b', 'c'])
    expect(idsOf(store, { afterSeq: 0 }, 1)).toEqual(['b'])
  })

  it.each([
    ['count', { eventsMax: 3 }, 'droppedByCount'],
    ['bytes', { bytesMax: 500 }, 'droppedByBytes'],
  ] as const)('drops the oldest beyond its bound of %s, counted, on disk too', async (_, options, counter) => {
    const { store, rows } = await opened(options)
    for (let i = 0; i < 3000; i++) store.append(draft(`e${i}`))
    await store.close()
    const kept = idsOf(store)
    expect(kept).toEqual(['e2997', 'e2998', 'e2999'])
    expect(store.counters[counter]).toBe(2997)
    expect(rows.size).toBe(3)
    expect(store.append(draft('e0'))?.seq).toBe(3000)
  })

  it('drops what is too old', async () => {
    const { store, clock } = await opened({ ageMsMax: 60_000 })
    store.append(draft('a'))
    await clock.advance(60_001)
    store.append(draft('b'))
    expect(idsOf(store)).toEqual(['b'])
    expect(store.counters.droppedByAge).toBe(1)
  })

  it('tells listeners until they go', async () => {
    const { store } = await opened()
    const heard: string[] = []
    const stop = store.listen(({ id }) => heard.push(id))
    store.append(draft('a'))
    store.append(draft('a'))
    stop()
    store.append(draft('b'))
    expect(heard).toEqual(['a'])
  })

  it('goes on in memory when the disk refuses', async () => {
    const { store, clock } = await opened()
    await store.close()
    const registry = new MemoryRegistryStore()
    await registry.close()
    const full = await EventStore.open(eventStoreDefaults, { registry, clock, logger: silentLogger })
    full.append(draft('a'))
    await full.close()
    expect([idsOf(full), full.counters.writeFailures]).toEqual([['a'], 1])
  })
})
