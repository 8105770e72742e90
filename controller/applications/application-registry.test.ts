import { describe, expect, it } from 'vitest'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { type ApplicationChange, ApplicationRegistry } from './application-registry.ts'

const never = new AbortController().signal

/** A shop whose web component has up to `max` instances. */
function shop(max = 6, more = ''): string {
  return `application: shop
components:
  web: { instances: { min: 1, initial: 2, max: ${max} }, lifecycle: { start: ./serve.sh } }
monitors:
  cpu: { of: cpu.usage, component: web, function: mean, window: 1m, every: 15s }
rules:
  grow: { when: { every: cpu, above: 60 }, then: { scale: web, by: 1 } }
${more}`
}

class Disk extends MemoryRegistryStore {
  isFull = false

  override async write(...args: Parameters<MemoryRegistryStore['write']>): Promise<void> {
    if (this.isFull) throw new Error('no space')
    await super.write(...args)
  }
}

async function open(rows = new Map<string, string>()): Promise<{
  registry: ApplicationRegistry
  disk: Disk
  changes: ApplicationChange[]
}> {
  const disk = new Disk(rows)
  const registry = await ApplicationRegistry.open({ registry: disk, clock: new FakeClock(), logger: silentLogger })
  const changes: ApplicationChange[] = []
  registry.onChange((change) => changes.push(change))
  return { registry, disk, changes }
}

const apply = (registry: ApplicationRegistry, text: string, generation?: number) =>
  registry.apply('main', text, { generation }, new AbortController().signal)

describe('applying a file', () => {
  it('puts its monitors, rules and counts in force, says so once, and does nothing the second time', async () => {
    const { registry, changes } = await open()
    expect(await apply(registry, shop())).toMatchObject({ generation: 1, isChanged: true })
    expect(await apply(registry, shop())).toMatchObject({
      generation: 1,
      isChanged: false,
      plan: { steps: [], wanted: [] },
    })
    expect(changes.map(({ kind, generation }) => [kind, generation])).toEqual([['applied', 1]])
    const [context] = registry.contexts('main')
    expect(context?.application).toBe('shop')
    expect(context?.monitors.map(({ name }) => name)).toEqual(['cpu', 'grow-1'])
    expect(registry.rules('main').map(({ application, rule }) => [application, rule.name])).toEqual([['shop', 'grow']])
    expect(registry.wanted('main', 'shop', 'web')).toBe(2)
    expect(registry.contexts('other')).toEqual([])
  })

  it('keeps other words for the same meaning, and changes nothing by them', async () => {
    const { registry, changes } = await open()
    await apply(registry, shop())
    const file = registry.get('main', 'shop')?.file
    expect(await apply(registry, `# ours\n${shop()}`)).toMatchObject({ generation: 1, isChanged: false })
    expect(registry.get('main', 'shop')?.file).toBe(file)
    expect(registry.get('main', 'shop')?.text).toMatch(/^# ours/)
    expect(changes).toHaveLength(1)
    expect(registry.get('main', 'shop')?.versions).toHaveLength(1)
  })

  it('is remembered by the next start, counts that were scaled included', async () => {
    const rows = new Map<string, string>()
    const first = await open(rows)
    await apply(first.registry, shop())
    await first.registry.scale('main', { application: 'shop', component: 'web', to: 4 }, never, [
      { key: 'why', value: 1 },
    ])
    const { registry } = await open(rows)
    expect(registry.get('main', 'shop')).toEqual(first.registry.get('main', 'shop'))
    expect(registry.wanted('main', 'shop', 'web')).toBe(4)
    expect(rows.get('why')).toBe('1')
    expect(registry.generation('main')).toBe(1)
    expect(await apply(registry, shop())).toMatchObject({ isChanged: false })
  })

  it('keeps the count that was wanted within the new bounds', async () => {
    const { registry, changes } = await open()
    await apply(registry, shop())
    await registry.scale('main', { application: 'shop', component: 'web', to: 5 }, never)
    const { plan } = await apply(registry, shop(3))
    expect(plan.wanted).toEqual([{ component: 'web', from: 5, to: 3 }])
    expect(registry.wanted('main', 'shop', 'web')).toBe(3)
    expect(changes.map(({ kind }) => kind)).toEqual(['applied', 'scaled', 'applied'])
  })

  it('is refused when another generation came in between', async () => {
    const { registry } = await open()
    await apply(registry, shop(), 0)
    await expect(apply(registry, shop(5), 0)).rejects.toMatchObject({ code: 'APPLICATION_CHANGED' })
    await apply(registry, shop(5), 1)
    await expect(registry.remove('main', 'shop', { generation: 1 }, never)).rejects.toMatchObject({
      message: 'plan shop again: found generation 2 in force, expected 1 as when it was planned',
    })
  })

  it('changes nothing when it cannot be written', async () => {
    const { registry, disk, changes } = await open()
    await apply(registry, shop())
    disk.isFull = true
    await expect(apply(registry, shop(3))).rejects.toThrow('no space')
    expect(registry.get('main', 'shop')?.file?.components[0]?.instances.max).toBe(6)
    expect(changes).toHaveLength(1)
    disk.isFull = false
    expect(await apply(registry, shop(3))).toMatchObject({ generation: 2, isChanged: true })
  })

  it('keeps ten versions, and of two at once both', async () => {
    const rows = new Map<string, string>()
    const { registry } = await open(rows)
    await Promise.all(Array.from({ length: 12 }, (_, i) => apply(registry, shop(i + 2))))
    const generations = registry.get('main', 'shop')?.versions.map(({ generation }) => generation)
    expect(generations).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    expect([...rows.keys()].filter((key) => key.includes('/version/'))).toHaveLength(10)
    const again = await open(rows)
    expect(again.registry.get('main', 'shop')?.versions.map(({ generation }) => generation)).toEqual(generations)
  })

  it('is not kept from anybody by a listener that throws', async () => {
    const { registry } = await open()
    const heard: string[] = []
    registry.onChange(() => {
      throw new Error('mine')
    })
    const stop = registry.onChange(({ application }) => heard.push(application))
    await apply(registry, shop())
    stop()
    await apply(registry, shop(3))
    expect(heard).toEqual(['shop'])
  })
})

describe('removing an application', () => {
  it('leaves nothing of it, and never uses a generation again', async () => {
    const rows = new Map<string, string>()
    const { registry, changes } = await open(rows)
    await apply(registry, shop())
    const { plan } = await registry.remove('main', 'shop', {}, never)
    expect(plan.steps.map(({ verb, kind, name }) => `${verb} ${kind} ${name}`)).toEqual([
      'remove component web',
      'remove monitor cpu',
      'remove monitor grow-1',
      'remove rule grow',
    ])
    expect([...rows.keys()]).toEqual(['applications/main/generation'])
    expect(changes.at(-1)).toMatchObject({ kind: 'removed', generation: 2 })
    expect(registry.contexts('main')).toEqual([])
    expect(await apply((await open(rows)).registry, shop())).toMatchObject({ generation: 3 })
  })

  it('needs one that is there', async () => {
    const { registry } = await open()
    await apply(registry, shop())
    await expect(registry.remove('main', 'shpo', {}, never)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'name another: found no shpo, expected one of shop',
    })
  })
})

describe('a count', () => {
  it.each<[string, string, number, string]>([
    ['shop', 'web', 7, 'COUNT_OUT_OF_BOUNDS'],
    ['shop', 'web', 0, 'COUNT_OUT_OF_BOUNDS'],
    ['shop', 'web', 1.5, 'COUNT_OUT_OF_BOUNDS'],
    ['shop', 'wbe', 2, 'NOT_FOUND'],
    ['spho', 'web', 2, 'NOT_FOUND'],
  ])('of %s/%s cannot be %d: %s', async (application, component, to, code) => {
    const { registry } = await open()
    await apply(registry, shop())
    await expect(registry.scale('main', { application, component, to }, never)).rejects.toMatchObject({ code })
    expect(registry.wanted('main', 'shop', 'web')).toBe(2)
  })
})

describe('a file that this lanista cannot read any more', () => {
  it('is kept, runs nothing, and gives way to one that it can', async () => {
    const rows = new Map<string, string>()
    await apply((await open(rows)).registry, shop())
    const [key = ''] = [...rows.keys()].filter((key) => key.includes('/version/'))
    rows.set(key, JSON.stringify({ ...JSON.parse(rows.get(key) ?? ''), text: 'application: shop\nfuture: {}\n' }))
    const { registry } = await open(rows)
    expect(registry.get('main', 'shop')).toMatchObject({ generation: 1, problem: expect.stringContaining('future') })
    expect(registry.contexts('main')).toEqual([])
    expect(await apply(registry, shop())).toMatchObject({ generation: 2, isChanged: true })
    expect(registry.get('main', 'shop')?.problem).toBeUndefined()
  })
})

describe('a secret in a file', () => {
  it('is handed on each time it is given, and kept nowhere', async () => {
    const rows = new Map<string, string>()
    const { registry, changes } = await open(rows)
    const text = shop(6, 'subscriptions: { s: { monitor: cpu, to: { webhook: "http://127.0.0.1:9/", secret: hush } } }')
    await apply(registry, text)
    await apply(registry, text.replace('hush', 'husher'))
    expect(changes.map(({ kind, subscriptions }) => [kind, subscriptions?.[0]?.secret])).toEqual([
      ['applied', 'hush'],
      ['secrets', 'husher'],
    ])
    expect(JSON.stringify([...rows])).not.toContain('hush')
    expect(registry.subscriptions('main')[0]?.secret).toBeUndefined()
    expect(registry.generation('main')).toBe(1)
  })
})
