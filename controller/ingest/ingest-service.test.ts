import { describe, expect, it } from 'vitest'
import type { Bus } from '#broker/bus.ts'
import { MemoryBroker } from '#broker/memory.ts'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import type { RegistryStore } from '#controller/registry/registry-store.ts'
import { parseAck, type SamplesAck } from '#protocol/messages/control.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { encodeBatch, encodeDictionary } from '#protocol/samples/encoder.ts'
import { type Address, buildSubject, hostIdOf } from '#protocol/subjects/subject.ts'
import { ingestLimits } from './ingest-limits.ts'
import { IngestService } from './ingest-service.ts'
import { ModelAgent } from './model-agent.ts'

const web: Address = { tenant: 'main', cloud: 'home', host: 'web' }
const db: Address = { tenant: 'main', cloud: 'home', host: 'db' }

class Stage {
  readonly clock = new FakeClock()
  readonly broker = new MemoryBroker({ clock: this.clock, logger: silentLogger })
  readonly arrived: string[] = []
  readonly acks: [string, SamplesAck][] = []
  readonly #agents = new Map<string, Bus>()

  start(registry: RegistryStore, limits = ingestLimits): Promise<IngestService<string>> {
    return IngestService.open(
      { limits, hostRetentionMs: 7_200_000 },
      {
        bus: this.broker.connect({ kind: 'controller' }),
        registry,
        clock: this.clock,
        logger: silentLogger,
        targetOf: (host) => ({
          open: (entry) => `${hostIdOf(host)} ${entry.name}`,
          append: (series, _timestampMs, value) => this.arrived.push(`${series}=${value}`),
        }),
      },
    )
  }

  async agent(address: Address): Promise<void> {
    const bus = this.broker.connect({ kind: 'agent', address })
    bus.subscribe(`lanista.${hostIdOf(address)}.control.>`, ({ subject, body }) => {
      if (subject.includes('.control.ack.')) this.acks.push([hostIdOf(address), parseAck(body)])
    })
    this.#agents.set(hostIdOf(address), bus)
    await this.clock.advance(0)
  }

  async send(address: Address, ...bodies: Uint8Array[]): Promise<void> {
    for (const body of bodies) await this.publish(address, buildSubject(address, 'samples'), body)
  }

  async publish(address: Address, subject: string, body: Uint8Array = new Uint8Array()): Promise<void> {
    this.#agents.get(hostIdOf(address))?.publish(subject, body)
    await this.clock.advance(0)
  }
}

function bodies(agent: ModelAgent, from: number, to: number): Uint8Array[] {
  return [
    encodeDictionary(agent.storeId, 0, agent.dictionary(0, 0).entries),
    encodeBatch(agent.storeId, agent.batch(from, to)),
  ]
}

/** Its writes wait for the test, or fail. */
class SlowRegistry extends MemoryRegistryStore {
  readonly #open: (() => void)[] = []
  isBroken = false

  override async write(...arguments_: Parameters<MemoryRegistryStore['write']>): Promise<void> {
    if (this.isBroken) throw new Error('no space left')
    await new Promise<void>((resolve) => this.#open.push(resolve))
    await super.write(...arguments_)
  }

  letThrough(): void {
    for (const open of this.#open.splice(0)) open()
  }
}

describe('the ingest service', () => {
  it('acknowledges each host what it sent, gathered, under its own subject', async () => {
    const stage = new Stage()
    const service = await stage.start(new MemoryRegistryStore())
    await stage.agent(web)
    await stage.agent(db)
    await stage.send(web, ...bodies(new ModelAgent('s-web', 1, 10), 1, 2))
    await stage.send(web, encodeBatch('s-web', new ModelAgent('s-web', 1, 10).batch(3, 4)))
    await stage.send(db, ...bodies(new ModelAgent('s-db', 1, 10), 1, 1))
    expect(stage.acks).toEqual([])
    await stage.clock.advance(50)
    expect(stage.acks).toEqual([
      ['main.home.web', { storeId: 's-web', ranges: [{ from: 1, to: 4 }], dictionary: 1 }],
      ['main.home.db', { storeId: 's-db', ranges: [{ from: 1, to: 1 }], dictionary: 1 }],
    ])
    expect(stage.arrived).toContain('main.home.db series.0=1')
    await service.close()
  })

  it('takes nothing under an address that no agent bears, though the table lets agents publish there', async () => {
    const stage = new Stage()
    const service = await stage.start(new MemoryRegistryStore())
    await stage.agent(web)
    const [dictionary] = bodies(new ModelAgent('s', 1, 1), 1, 1)
    await stage.publish(web, 'lanista.main._home._srv.samples', dictionary)
    expect(service.counters).toMatchObject({ noAgent: 1, dictionaries: 0 })
    await service.close()
  })

  it('says nothing before the registry has it', async () => {
    const stage = new Stage()
    const registry = new SlowRegistry()
    const service = await stage.start(registry)
    await stage.agent(web)
    await stage.send(web, ...bodies(new ModelAgent('s', 1, 10), 1, 2))
    await stage.clock.advance(1000)
    expect(stage.acks).toEqual([])
    registry.letThrough()
    await stage.clock.advance(0)
    expect(stage.acks).toHaveLength(1)
    await service.close()
  })

  it('says nothing when the registry cannot be written, and does once it can, without taking samples twice', async () => {
    const stage = new Stage()
    const registry = new SlowRegistry()
    registry.isBroken = true
    const service = await stage.start(registry)
    await stage.agent(web)
    const sent = bodies(new ModelAgent('s', 1, 10), 1, 2)
    await stage.send(web, ...sent)
    await stage.clock.advance(50)
    registry.isBroken = false
    await stage.send(web, ...sent)
    await stage.clock.advance(50)
    expect(stage.acks).toEqual([])
    registry.letThrough()
    await stage.clock.advance(0)
    expect(stage.acks).toEqual([['main.home.web', { storeId: 's', ranges: [{ from: 1, to: 2 }], dictionary: 1 }]])
    expect(stage.arrived).toHaveLength(2)
    expect(service.counters).toMatchObject({ persistFailures: 1, acksUnsent: 1, duplicates: 2 })
    await service.close()
  })

  it('remembers across its restart what it has, and asks for the names again', async () => {
    const stage = new Stage()
    const disk = new Map<string, string>()
    await stage.agent(web)
    const first = await stage.start(new MemoryRegistryStore(disk))
    const agent = new ModelAgent('s', 1, 10)
    await stage.send(web, ...bodies(agent, 1, 2))
    await first.close()
    await stage.clock.advance(0)
    stage.acks.length = 0

    const second = await stage.start(new MemoryRegistryStore(disk))
    await stage.send(web, encodeBatch('s', agent.batch(1, 2)))
    await stage.clock.advance(50)
    expect(stage.acks).toEqual([['main.home.web', { storeId: 's', ranges: [{ from: 1, to: 2 }], dictionary: 0 }]])
    expect(stage.arrived).toHaveLength(2)
    await second.close()
  })

  it('forgets a host that has been silent for long enough, also on disk', async () => {
    const stage = new Stage()
    const disk = new Map<string, string>()
    const service = await stage.start(new MemoryRegistryStore(disk))
    await stage.agent(web)
    await stage.send(web, ...bodies(new ModelAgent('s', 1, 10), 1, 2))
    await stage.clock.advance(7_000_000)
    expect([...disk.keys()]).toEqual(['ingest!main.home.web'])
    await stage.clock.advance(300_000)
    expect([...disk.keys()]).toEqual([])
    expect(service.counters.hosts).toBe(0)
    await service.close()
  })

  it('counts what is no samples message and what comes from too many hosts, and goes on', async () => {
    const stage = new Stage()
    const service = await stage.start(new MemoryRegistryStore(), { ...ingestLimits, hostsMax: 1 })
    await stage.agent(web)
    await stage.agent(db)
    await stage.send(web, Buffer.from('nonsense'), ...bodies(new ModelAgent('s', 1, 10), 1, 1))
    await stage.send(db, ...bodies(new ModelAgent('s', 1, 10), 1, 1))
    expect(service.counters).toMatchObject({ undecodable: 1, hostsLimit: 2, samples: 1, hosts: 1 })
    await service.close()
  })
})
