/** What `lanista up` will start, decided before anything is touched: hosts over clouds, names, ports, folders. Pure. */
import { isIPv4 } from 'node:net'
import { join } from 'node:path'
import { LanistaError } from '#protocol/errors.ts'
import type { Address } from '#protocol/subjects/subject.ts'

/** The tenant of everything that `up` starts. */
const upTenant = 'default'

/** Hosts that one `up` starts at most: each is a process of 50 MiB. */
const hostsMax = 200

/** Where something listens; port 0 = any free one. */
export interface ListenAt {
  readonly host: string
  readonly port: number
}

/** An agent that runs as our child. */
export interface PlannedHost {
  readonly address: Address
  /** Its configuration, identity and store. */
  readonly folder: string
  readonly carbon: ListenAt
  readonly ring: PlannedRing
}

/** What is set of an agent's ring. */
export interface PlannedRing {
  /** Copies of each of its samples in its cloud, the own one included; 1 = none. */
  readonly copies: number
  /** Silence after which what a host held is rebuilt elsewhere, ms; absent = the agent's default. */
  readonly graceMs?: number | undefined
}

/** The broker: ours in process, a nats-server of ours, the same with a leaf server for each cloud but home, or somebody's. */
export type PlannedBroker =
  | { readonly kind: 'embedded'; readonly listen: ListenAt }
  | { readonly kind: 'nats-server'; readonly listen: ListenAt }
  | { readonly kind: 'nats-leaves'; readonly listen: ListenAt; readonly clouds: readonly string[] }
  | { readonly kind: 'nats-url'; readonly url: string }

/** Whether an agent that dies is started again. */
export type RestartPolicy = 'always' | 'never'

/** An agent that is no child of ours but may connect: its nkey public key, `U…`. */
export interface KnownAgent {
  readonly address: Address
  readonly publicKey: string
}

/**
 * What hosts on this machine are called by: `auto` = an address each, as `host-addresses.ts` finds one, `shared` = the machine's, else the first of those
 * that the machine already has for them.
 */
export type HostAddressing = { readonly kind: 'auto' | 'shared' } | { readonly kind: 'from'; readonly first: string }

export interface FleetPlan {
  readonly tenant: string
  readonly dataDir: string
  readonly http: ListenAt
  readonly broker: PlannedBroker
  readonly hosts: readonly PlannedHost[]
  readonly hostAddressing: HostAddressing
  /** Socket of the Docker engine; absent = the agents' default. */
  readonly dockerSocket?: string | undefined
  readonly restart: RestartPolicy
  readonly knownAgents: readonly KnownAgent[]
  /** Time between heartbeats, ms; absent = the controller's default. */
  readonly heartbeatIntervalMs?: number | undefined
  /** File of the controller's master key; absent = systemd's credential, or one below the operator's own configuration. */
  readonly masterKeyFile?: string | undefined
  /** How far back the controller's window reaches, ms; absent = its default. */
  readonly windowMs?: number | undefined
}

/** The flags of `lanista up`, as numbers and words. */
export interface UpFlags {
  readonly hosts?: number | undefined
  readonly clouds?: number | undefined
  readonly data: string
  readonly restart: RestartPolicy
  readonly httpPort: number
  readonly carbonPort: number
  /** Absent = the usual port of the broker chosen. */
  readonly brokerPort?: number | undefined
  /** `embedded`, `nats` or `nats://…`. */
  readonly broker: string
  /** A leaf server for each cloud but home; with `nats` and two clouds or more. */
  readonly leaves?: boolean | undefined
  /** Copies of each sample in every cloud, the own one included, 1 to 8. Absent = `usualCopies`. */
  readonly copies?: number | undefined
  /** Silence after which what an agent held is rebuilt elsewhere, ms. Absent = the agent's default, 15 min. */
  readonly grace?: number | undefined
  /** `auto` (default), `shared`, or the first address of many. */
  readonly hostAddresses?: string | undefined
  /** As `DOCKER_HOST` has it. */
  readonly dockerHost?: string | undefined
}

const loopback = '127.0.0.1'
/** Copies that an agent can be told to keep, see `agent/ring`. */
export const copiesMax = 8
/** Copies of each sample where nobody says otherwise. */
export const copiesDefault = 3
/** Least silence, ms, after which an agent can be told to rebuild. */
export const graceMsMin = 1000
const usualPort = { embedded: 1883, nats: 4222 } as const

/**
 * The plan behind the flags. The first host bears the machine's name, the others `<name>-2`, …; host i belongs to cloud
 * i mod clouds, so that every cloud has one before any has two.
 * @throws LanistaError USAGE
 */
export function planUp(flags: UpFlags, machineName: string): FleetPlan {
  const clouds = flags.clouds ?? 1
  const hosts = flags.hosts ?? clouds
  refuseUnless(hosts <= hostsMax, '--hosts', hosts, `at most ${hostsMax}`)
  refuseUnless(clouds <= hosts, '--clouds', clouds, `at most one cloud a host, with --hosts ${hosts}`)
  const { copies, grace: graceMs } = flags
  const isCount = copies === undefined || (copies >= 1 && copies <= copiesMax)
  refuseUnless(isCount, '--copies', copies, `1 (no copies) to ${copiesMax}`)
  const isLongEnough = graceMs === undefined || graceMs >= graceMsMin
  refuseUnless(isLongEnough, '--grace', `${graceMs} ms`, 'at least 1s')
  const lastPort = flags.carbonPort + hosts - 1
  refuseUnless(lastPort <= 65_535, '--carbon-port', flags.carbonPort, `room for ${hosts} ports below 65536`)
  const broker = planBroker(flags.broker, { host: loopback, port: flags.brokerPort })
  return {
    tenant: upTenant,
    dataDir: flags.data,
    http: { host: loopback, port: flags.httpPort },
    broker: flags.leaves === true ? planLeaves(broker, clouds) : broker,
    hostAddressing: planAddressing(flags.hostAddresses ?? 'auto', hosts),
    dockerSocket: unixSocketOf(flags.dockerHost),
    restart: flags.restart,
    knownAgents: [],
    hosts: Array.from({ length: hosts }, (_, i) => {
      const name = i === 0 ? machineName : `${machineName}-${i + 1}`
      const cloud = cloudOf(i % clouds)
      const port = flags.carbonPort === 0 ? 0 : flags.carbonPort + i
      const address = { tenant: upTenant, cloud, host: name }
      const ring = { copies: copies ?? usualCopies(broker, cloud), ...(graceMs === undefined ? {} : { graceMs }) }
      return planHost(address, flags.data, { host: loopback, port }, ring)
    }),
  }
}

function planAddressing(text: string, hosts: number): HostAddressing {
  if (text === 'auto' || text === 'shared') return { kind: text }
  const isRight = isIPv4(text) && addressAfter(text, hosts - 1) !== undefined
  refuseUnless(
    isRight,
    '--host-addresses',
    JSON.stringify(text),
    'auto, shared, or the first IPv4 address of the hosts',
  )
  return { kind: 'from', first: text }
}

/** The IPv4 address `count` after this one; undefined behind the last there is. */
export function addressAfter(first: string, count: number): string | undefined {
  const number = first.split('.').reduce((sum, part) => sum * 256 + Number(part), 0) + count
  if (number > 0xff_ff_ff_ff) return undefined
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.')
}

/** An engine that is not on this machine runs no instances of its agents: undefined. */
function unixSocketOf(dockerHost: string | undefined): string | undefined {
  const [, path] = /^unix:\/\/(\/.+)$/.exec(dockerHost ?? '') ?? []
  return path
}

/**
 * The broker behind `embedded`, `nats` or `nats://…`; an absent port is the usual one. Throws USAGE.
 */
export function planBroker(
  broker: string,
  at: { readonly host: string; readonly port?: number | undefined },
): PlannedBroker {
  if (broker === 'embedded' || broker === 'nats') {
    const listen = { host: at.host, port: at.port ?? usualPort[broker] }
    return { kind: broker === 'nats' ? 'nats-server' : 'embedded', listen }
  }
  const isUrl = /^nats:\/\/[^\s/@]+$/.test(broker) && URL.canParse(broker)
  refuseUnless(isUrl, '--broker', JSON.stringify(broker), 'embedded, nats or nats://HOST:PORT')
  refuseUnless(at.port === undefined, '--broker-port', at.port, 'the port inside the URL of --broker')
  return { kind: 'nats-url', url: broker }
}

/** The hub where `broker` was, and a leaf for each cloud but home. Throws USAGE. */
function planLeaves(broker: PlannedBroker, clouds: number): PlannedBroker {
  if (broker.kind !== 'nats-server') {
    throw new LanistaError('USAGE', 'give --leaves with --broker nats alone: leaf servers are nats-servers of ours')
  }
  refuseUnless(clouds >= 2, '--clouds', clouds, 'at least 2 with --leaves: the cloud home is at the hub itself')
  const others = Array.from({ length: clouds - 1 }, (_, i) => cloudOf(i + 1))
  return { kind: 'nats-leaves', listen: broker.listen, clouds: others }
}

function cloudOf(index: number): string {
  return index === 0 ? 'home' : `local-${index}`
}

/** Through the embedded broker the copies of other clouds would leave them and come back. */
function usualCopies({ kind }: PlannedBroker, cloud: string): number {
  return kind === 'embedded' && cloud !== 'home' ? 1 : copiesDefault
}

/** A child agent with its folder below the data folder. */
export function planHost(address: Address, dataDir: string, carbon: ListenAt, ring: PlannedRing): PlannedHost {
  return { address, folder: join(dataDir, 'agents', `${address.cloud}.${address.host}`), carbon, ring }
}

/** The machine's name as a token: its first label, what is outside the alphabet as `-`, short enough for a number behind it. */
export function hostNameOf(machine: string): string {
  const label = machine.split('.')[0] ?? ''
  const token = label.replace(/[^A-Za-z0-9_-]/g, '-').replace(/^[_-]+/, '')
  return token.slice(0, 56) || 'host'
}

function refuseUnless(isRight: boolean, flag: string, found: unknown, expected: string): void {
  if (!isRight) throw new LanistaError('USAGE', `change ${flag}: found ${String(found)}, expected ${expected}`)
}
