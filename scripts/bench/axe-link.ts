/**
 * Bytes that leave a cloud, counted on a real leaf-node link: one mean over a whole cloud, against sending the controller the samples it is
 * made of. Time is made up, the servers, buses and stores are not.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { monitorBodies, Stage, type StageHost, startMs } from '#agent/aggregate/aggregate-stage.ts'
import { CloudMonitors } from '#agent/aggregate/cloud-monitors.ts'
import { Ring } from '#agent/ring/placement.ts'
import type { RingView } from '#agent/ring/ring-view.ts'
import { Uplink } from '#agent/uplink/uplink.ts'
import type { CountedBus } from '#broker/bus.ts'
import type { BrokerUser } from '#broker/credentials.ts'
import type { NatsPlace } from '#broker/leaf-config.ts'
import { NatsServer } from '#broker/nats-server.ts'
import { generateNkey } from '#broker/nkey.ts'
import { openBus } from '#broker/open-bus.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import type { Role } from '#protocol/permissions.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { Closer } from '#protocol/runtime/closer.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { decodeSamples } from '#protocol/samples/decoder.ts'
import { buildSubject, parseSubject } from '#protocol/subjects/subject.ts'
import { LeafLink } from '../../test/integration/leaf-link.ts'
import { printTable, type Row } from './report.ts'

const hosts = 100
const minutes = 10
const cloud = 'c1'
const deps = { clock: systemClock, logger: silentLogger }
const login = { cloud, password: 'secret-of-the-bench-0123456789' }

/** One cloud on a leaf, and a controller at the hub that acknowledges what it is sent. */
interface Stand {
  readonly link: LeafLink
  readonly buses: readonly CountedBus[]
  readonly stage: Stage
  readonly machines: readonly StageHost[]
}

interface Counted {
  readonly what: string
  /** Over the link, both ways. */
  readonly bytes: number
  /** Published in the cloud. */
  readonly messages: number
}

/** Prints bytes a minute of either, and the ratio. */
export async function benchAxeLink(): Promise<void> {
  const samples = await measure('samples of 100 hosts, every 10 s', ['load'], undefined)
  const result = await measure('one mean of them, every 15 s', [], {
    mean: { of: 'load', function: 'mean', window: '1m', every: '15s', scope: 'cloud' },
  })
  const rows: Row[] = [samples, result].map(({ what, bytes, messages }) => ({
    what,
    'bytes a minute': Math.round(bytes / minutes).toLocaleString('en'),
    messages,
    'of the samples': bytes === samples.bytes ? '1' : `1/${(samples.bytes / bytes).toFixed(0)}`,
  }))
  printTable(`Leaving a cloud of ${hosts} hosts over a leaf link, ${minutes} min, acknowledgements included`, rows)
}

async function measure(what: string, uplink: readonly string[], monitors: unknown): Promise<Counted> {
  const closer = new Closer()
  try {
    const { link, buses, stage, machines } = await openStand(closer, uplink)
    if (monitors !== undefined) {
      for (const host of machines) for (const body of monitorBodies(1, monitors)) host.aggregate.hear(body)
    }
    await run(stage, machines, 0, 60)
    const published = (): number => buses.reduce((sum, bus) => sum + bus.counters.published, 0)
    const before = published()
    link.reset()
    await run(stage, machines, 60, 60 + minutes * 60)
    return { what, bytes: link.bytes, messages: published() - before }
  } finally {
    await closer.close()
  }
}

/** Measures every ten seconds of made-up time; messages have real time to arrive. */
async function run(stage: Stage, machines: readonly StageHost[], from: number, to: number): Promise<void> {
  for (let s = from; s < to; s++) {
    if (s % 10 === 0) for (const [i, host] of machines.entries()) host.append('load', startMs + s * 1_000, i + s / 7)
    await stage.advance(1_000, 500)
    await sleep(5)
  }
}

async function openStand(closer: Closer, uplink: readonly string[]): Promise<Stand> {
  const names = Array.from({ length: hosts }, (_, i) => `h${i}`)
  const { link, join: connect } = await openServers(closer, names)
  acknowledge(await connect('controller', { kind: 'controller' }))
  const stage = new Stage()
  closer.defer('stage', () => stage[Symbol.asyncDispose]())
  const view = viewOf(names)
  const buses: CountedBus[] = []
  const machines: StageHost[] = []
  for (const name of names) {
    const host = await stage.host(name)
    const bus = await connect(name, { kind: 'agent', address: host.address })
    openParts(closer, host, bus, view, uplink)
    buses.push(bus)
    machines.push(host)
  }
  return { link, buses, stage, machines }
}

/** A hub with the controller, a leaf with the agents, and a link that counts between them. */
async function openServers(
  closer: Closer,
  names: readonly string[],
): Promise<{ link: LeafLink; join: (name: string, role: Role) => Promise<CountedBus> }> {
  const folder = await mkdtemp(join(tmpdir(), 'lanista-axe-link-'))
  closer.defer('folder', () => rm(folder, { recursive: true }))
  const keys = new Map([...names, 'controller'].map((name) => [name, generateNkey()]))
  const publicKeyOf = (name: string): string => keys.get(name)?.publicKey ?? ''
  const open = async (name: string, users: BrokerUser[], place: NatsPlace): Promise<NatsServer> => {
    const options = { directory: join(folder, name), host: '127.0.0.1', port: 0, users, place }
    return closer.use(name, await NatsServer.open(options, deps))
  }
  const controller: BrokerUser = { kind: 'controller', publicKey: publicKeyOf('controller') }
  const hub = await open('hub', [controller], { kind: 'hub', leafPort: 0, leaves: [login] })
  const link = closer.use('link', await LeafLink.open(hub.leafPort))
  const agents = names.map((host): BrokerUser => {
    return { kind: 'agent', address: { tenant: 'acme', cloud, host }, publicKey: publicKeyOf(host) }
  })
  const leaf = await open('leaf', agents, { kind: 'leaf', login, hub: { host: '127.0.0.1', port: link.port } })
  const connect = async (name: string, role: Role): Promise<CountedBus> => {
    const credential = { kind: 'nkey', seed: keys.get(name)?.seed ?? '', session: () => 1 } as const
    const { url } = role.kind === 'agent' ? leaf : hub
    const bus = closer.use(name, openBus({ url, role, credential, name }, deps))
    await bus.up(AbortSignal.timeout(20_000))
    return bus
  }
  return { link, join: connect }
}

function openParts(
  closer: Closer,
  host: StageHost,
  bus: CountedBus,
  view: RingView,
  selectors: readonly string[],
): void {
  const { address, data, store, aggregate, clock } = host
  const parts = { bus, store, clock, logger: silentLogger }
  const uplink = closer.use('uplink', new Uplink({ address, uplink: selectors }, parts))
  const selectUplink = (more: readonly string[]): void => uplink.select(more)
  const seams = { view: () => view, copiesOf: () => Promise.resolve(undefined), session: () => 1, selectUplink }
  closer.use('monitors', new CloudMonitors({ address, data }, { ...parts, ...seams, aggregate }))
}

/** Everybody lives. */
function viewOf(names: readonly string[]): RingView {
  const ring = new Ring(names.map((host) => ({ host, zone: '' })))
  return {
    ring,
    changes: 0,
    isLive: () => true,
    states: () => new Map(names.map((name) => [name, 'alive'] as const)),
    keepersOf: () => [],
  }
}

/** What a controller does with samples, but for keeping them. */
function acknowledge(controller: CountedBus): void {
  let id = 0
  controller.subscribe('lanista.*.*.*.samples', ({ subject, body }) => {
    const message = decodeSamples(body)
    if (message.kind !== 'batch') return
    const { storeId, from, to } = message
    const { address } = parseSubject(subject)
    const ack = { storeId, ranges: [{ from, to }], dictionary: 100 }
    controller.publish(buildSubject(address, 'control', 'ack', `${id++}`), encodeJson(ack))
  })
}
