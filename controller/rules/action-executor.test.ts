import { describe, expect, it } from 'vitest'
import { ApplicationRegistry } from '#controller/applications/application-registry.ts'
import { wantedCountsOf } from '#controller/applications/rule-book.ts'
import type { OwnEvent } from '#controller/events/event-service.ts'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { type ActionExecutor, MemoryExecutor, type Scaling } from './action-executor.ts'
import { RegistryExecutor } from './registry-executor.ts'

const file = `application: shop
components: { web: { instances: { min: 1, initial: 2, max: 6 }, lifecycle: { start: ./serve.sh } } }
`
const never = new AbortController().signal

/** An executor over the rows of a registry, with the application applied once. */
async function openRegistry(rows: Map<string, string>, said: OwnEvent[] = []): Promise<RegistryExecutor> {
  const registry = new MemoryRegistryStore(rows)
  const applications = await ApplicationRegistry.open({ registry, clock: new FakeClock(), logger: silentLogger })
  if (!applications.get('main', 'shop')) await applications.apply('main', file, {}, never)
  const wanted = wantedCountsOf(applications, 'main', never)
  const say = (event: OwnEvent): undefined => {
    said.push(event)
  }
  return RegistryExecutor.open('main', { registry, wanted, events: { say } })
}

function scaling(from: number, to: number, decisionId: string, atMs = 1000): Scaling {
  return { application: 'shop', component: 'web', from, to, decisionId, atMs }
}

const forms: readonly (readonly [string, () => Promise<ActionExecutor>])[] = [
  ['in memory', async () => new MemoryExecutor({ 'shop.web': 2 })],
  ['over the registry', () => openRegistry(new Map())],
]

describe.each(forms)('an executor %s', (_, open) => {
  it('changes the count that is wanted, and remembers when', async () => {
    const executor = await open()
    expect(await executor.scale(scaling(2, 3, 'a'))).toEqual({ kind: 'done' })
    expect(await executor.scale(scaling(3, 2, 'b', 2000))).toEqual({ kind: 'done' })
    expect(executor.wanted('shop', 'web')).toBe(2)
    expect(executor.scalings('shop').get('web')).toMatchObject({ upMs: 1000, downMs: 2000 })
  })

  it('does a decision once', async () => {
    const executor = await open()
    await executor.scale(scaling(2, 3, 'a'))
    expect(await executor.scale(scaling(2, 3, 'a'))).toEqual({ kind: 'repeated' })
    expect(executor.wanted('shop', 'web')).toBe(3)
  })

  it('refuses when the count is another by now', async () => {
    const executor = await open()
    await executor.scale(scaling(2, 4, 'a'))
    expect(await executor.scale(scaling(2, 3, 'b'))).toEqual({ kind: 'refused', reason: 'found 4 wanted, expected 2' })
    expect(executor.scalings('shop').get('web')).toMatchObject({ upMs: 1000 })
  })

  it('knows nothing of what nobody applied', async () => {
    const executor = await open()
    expect(executor.wanted('shop', 'db')).toBeUndefined()
    const outcome = await executor.scale({ ...scaling(2, 3, 'a'), component: 'db' })
    expect(outcome).toMatchObject({ kind: 'refused' })
  })
})

describe('the executor over the registry', () => {
  it('knows what it has done after a restart', async () => {
    const rows = new Map<string, string>()
    await (await openRegistry(rows)).scale(scaling(2, 3, 'a'))
    const again = await openRegistry(rows)
    expect(await again.scale(scaling(2, 3, 'a'))).toEqual({ kind: 'repeated' })
    expect([again.wanted('shop', 'web'), again.scalings('shop').get('web')?.upMs]).toEqual([3, 1000])
  })

  it('writes count and cooldowns together, or neither', async () => {
    const rows = new Map<string, string>()
    const executor = await openRegistry(rows)
    const before = new Map(rows)
    await expect(executor.scale(scaling(2, 99, 'a'))).rejects.toThrow()
    expect(rows).toEqual(before)
    expect(executor.scalings('shop').size).toBe(0)
  })

  it('raises events with the decision as their id', async () => {
    const said: OwnEvent[] = []
    const executor = await openRegistry(new Map(), said)
    const raising = { application: 'shop', rule: 'alarm', event: 'web.busy', data: { level: 2 }, decisionId: 'a' }
    await executor.raise(raising)
    expect(said).toEqual([
      {
        tenant: 'main',
        id: 'a.web.busy',
        kind: 'web.busy',
        application: 'shop',
        fields: { level: 2, rule: 'alarm', decision: 'a' },
      },
    ])
  })
})
