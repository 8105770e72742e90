import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MemoryBroker } from '#broker/memory.ts'
import { LanistaError } from '#protocol/errors.ts'
import { instancesReportSchema } from '#protocol/instances/instance-report.ts'
import type { Handler, InstanceSpec } from '#protocol/instances/spec.ts'
import type { InstanceStatus } from '#protocol/instances/status.ts'
import { parseJsonAnswer } from '#protocol/query/answer.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { MemoryInstanceStore } from './instance-store.ts'
import type { Lance } from './lance.ts'
import { lanceForTests } from './lance-stage.ts'
import { specForTests } from './machine-driver.ts'
import { MemoryHost } from './runtime/memory-host.ts'

const words = (...command: string[]): Handler => ({ commands: [command], timeoutMs: 1000 })
const serving = (change: Partial<InstanceSpec> = {}): InstanceSpec =>
  specForTests({
    lifecycle: { install: words('write', 'installed', 'yes'), start: words('serve', 'hello') },
    startDetector: undefined,
    requires: [],
    ...change,
  })
const exit = { code: 1, signal: null, isOutOfMemory: false }

describe('Lance', () => {
  let clock: FakeClock
  let host: MemoryHost
  let store: MemoryInstanceStore
  let lance: Lance
  let broker: MemoryBroker
  let told: InstanceStatus[]
  const states = (): string[] => told.map(({ state }) => state).filter((state, i, all) => state !== all[i - 1])
  const order = (verb: string, body: unknown): Promise<unknown> =>
    lance.handler.handle(verb, body, {
      id: 'ord-1',
      key: 'instance/shop-web-1',
      signal: AbortSignal.timeout(10_000),
      progress: () => {},
    })
  const apply = async (spec: InstanceSpec): Promise<void> => {
    await order('instance-apply', JSON.parse(JSON.stringify(spec)))
    await clock.advance(0)
  }
  const open = async (): Promise<void> => {
    lance = lanceForTests({ broker, clock, host, store })
    lance.start()
    await clock.advance(0)
  }

  beforeEach(async () => {
    clock = new FakeClock()
    host = new MemoryHost()
    store = new MemoryInstanceStore()
    broker = new MemoryBroker({ clock, logger: silentLogger })
    told = []
    broker
      .connect({ kind: 'controller' })
      .subscribe('lanista.t.c.h.event.instance', ({ body }) =>
        told.push((JSON.parse(Buffer.from(body).toString()) as { instance: InstanceStatus }).instance),
      )
    await open()
  })
  afterEach(() => lance.close())

  it('installs and starts what is ordered, and tells where it is reached', async () => {
    await apply(serving())
    expect(states()).toEqual(['installing', 'starting', 'running'])
    expect(told.at(-1)?.endpoints).toEqual({
      http: { instance: 'shop-web-1', public: '192.0.2.7:80', cloud: '10.0.0.7:80', container: '10.0.0.7:80' },
    })
    expect(host.places.get('shop-web-1')?.files.get('installed')).toBe('yes')
  })

  it('names what runs for metering, and nothing else', async () => {
    await apply(serving())
    expect(lance.running()).toEqual([
      { application: 'shop', component: 'web', instance: 'shop-web-1', processes: [], hasOwnCgroup: false },
    ])
    host.end('shop-web-1', exit)
    await clock.advance(0)
    expect(lance.running()).toEqual([])
  })

  it('starts again what ended by itself, and tells of both', async () => {
    await apply(serving())
    told.length = 0
    host.end('shop-web-1', exit)
    await clock.advance(0)
    expect(states().at(-1)).toBe('backoff')
    expect(told.at(-1)).toMatchObject({ failure: { kind: 'UNEXPECTED_EXECUTION_STOP' }, endpoints: {}, restarts: 1 })
    await clock.advance(1000)
    expect(states().at(-1)).toBe('running')
  })

  it('sees in the list what no event told of', async () => {
    await apply(serving())
    const place = host.places.get('shop-web-1')
    if (place?.main) place.main.exit = exit
    await clock.advance(17_000)
    expect(place?.starts).toBe(2)
  })

  it('names the command that failed, its code and its last words', async () => {
    const install: Handler = {
      commands: [
        ['print', 'ok'],
        ['cat', 'missing'],
        ['write', 'a', 'b'],
      ],
      timeoutMs: 1000,
    }
    await apply(serving({ lifecycle: { install, start: words('serve') } }))
    expect(told.at(-1)?.failure).toEqual({
      kind: 'INSTALL_FAILED',
      handler: 'install',
      reason: '"cat missing" ended with exit code 1',
    })
    expect(host.places.get('shop-web-1')?.files.has('a')).toBe(false)
  })

  it('ends a handler that hangs with its time', async () => {
    await apply(serving({ lifecycle: { install: words('serve'), start: words('serve') } }))
    await clock.advance(1000)
    expect(told.at(-1)?.failure?.reason).toContain('did not end within 1000 ms')
  })

  it('answers with all it has', async () => {
    await apply(serving())
    const controller = broker.connect({ kind: 'controller' })
    await controller.up(AbortSignal.timeout(10_000))
    const asked = controller.request('lanista.t.c.h.control.instances.q1', new Uint8Array(), {
      signal: AbortSignal.timeout(10_000),
      deadlineMs: 1000,
    })
    const report = parseJsonAnswer(await asked, instancesReportSchema, 'report')
    expect(report).toMatchObject({ session: 7, isolations: ['directory'], instances: [{ id: 'shop-web-1' }] })
    await controller.close()
  })

  it('removes without a trace, and the order is done when nothing is left', async () => {
    await apply(serving())
    const removed = order('instance-remove', { id: 'shop-web-1' })
    await clock.advance(0)
    await removed
    expect([host.places.size, store.rows, lance.statuses(), states().at(-1)]).toEqual([0, [], [], 'removed'])
    await order('instance-remove', { id: 'shop-web-1' })
  })

  it('runs a command in an instance, and gives back what it said', async () => {
    await apply(serving())
    const ask = { id: 'shop-web-1', command: ['variable', 'CLOUD_HTTP'], timeoutMs: 1000 }
    expect(await order('instance-exec', ask)).toEqual({ code: 0, signal: null, output: '80\n', isTimedOut: false })
  })

  it.each<[string, string, Partial<InstanceSpec>]>([
    ['an image that is not allowed', 'ISOLATION_UNKNOWN', { isolation: 'docker', image: 'b' }],
    ['a folder that is not allowed', 'PATH_REFUSED', { volumes: ['/etc:/etc'] }],
    ['an older generation', 'GENERATION_OLD', { generation: 1 }],
  ])('refuses %s and disturbs nothing', async (_name, code, change) => {
    await apply(serving({ generation: 2 }))
    told.length = 0
    const asked = order('instance-apply', serving({ generation: 3, ...change }))
    await expect(asked).rejects.toMatchObject({ code })
    await clock.advance(0)
    expect([told, lance.counters.refused, lance.counters.running]).toEqual([[], 1, 1])
  })

  it('refuses what is no instance', async () => {
    await expect(order('instance-apply', { id: 'x' })).rejects.toMatchObject({ code: 'INSTANCE_INVALID' })
    await expect(order('instance-restart', { id: 'x' })).rejects.toMatchObject({ code: 'INSTANCE_UNKNOWN' })
  })

  it('lets everything run when the agent ends, and takes it over when it starts again', async () => {
    await apply(serving())
    await lance.close()
    expect(host.places.get('shop-web-1')?.main?.exit).toBeUndefined()
    told.length = 0
    await open()
    expect([states(), host.places.get('shop-web-1')?.starts]).toEqual([['running'], 1])
  })

  it('takes over what runs though its row was lost, when it is ordered again', async () => {
    await apply(serving())
    await lance.close()
    store = new MemoryInstanceStore()
    await open()
    await apply(serving())
    expect([states().at(-1), host.places.get('shop-web-1')?.starts]).toEqual(['running', 1])
  })

  it('removes what nobody has known of for ten minutes, and not before', async () => {
    await apply(serving())
    await lance.close()
    store = new MemoryInstanceStore()
    await open()
    await clock.advance(590_000)
    expect(host.places.size).toBe(1)
    await clock.advance(30_000)
    expect([host.places.size, lance.counters.reaped]).toEqual([0, 1])
  })

  it('decides nothing while its engine is away: what runs is unknown, not dead', async () => {
    await apply(serving())
    host.setAvailable(false)
    await clock.advance(60_000)
    expect(states().at(-1)).toBe('unknown')
    host.setAvailable(true)
    await clock.advance(0)
    expect([states().at(-1), host.places.get('shop-web-1')?.starts]).toEqual(['running', 1])
  })

  it('goes on within a second after a call that was not answered, though the runtime says nothing', async () => {
    await lance.close()
    let calls = 0
    host = new MemoryHost(() => {
      if (calls++ === 0) throw new LanistaError('RUNTIME_UNAVAILABLE', 'ask later: found no answer')
      return { exit: undefined, output: '', ignoresSignals: false }
    })
    store = new MemoryInstanceStore()
    await open()
    await apply(serving({ lifecycle: { start: words('serve') } }))
    expect(states().at(-1)).toBe('unknown')
    await clock.advance(1000)
    expect([states().at(-1), calls]).toEqual(['running', 2])
  })

  it('does nothing that is not on the disk, and goes on once the disk takes it', async () => {
    store.failure = new Error('ENOSPC')
    const applied = order('instance-apply', serving())
    await clock.advance(60_000)
    expect([host.places.size, states()]).toEqual([0, []])
    store.failure = undefined
    await clock.advance(30_000)
    await applied
    expect(states().at(-1)).toBe('running')
  })

  it('works on while it is cut off, and says so when asked', async () => {
    broker.stop()
    await apply(serving())
    host.end('shop-web-1', exit)
    await clock.advance(1000)
    expect(lance.statuses()).toMatchObject([{ state: 'running', restarts: 1 }])
    expect(told).toEqual([])
  })
})
