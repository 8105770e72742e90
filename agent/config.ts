/** The agent's configuration: every setting, its unit, its default, and what it trades. */
import { hostname } from 'node:os'
import * as z from 'zod/mini'
import { type LogLevel, logLevels } from '#protocol/runtime/logger.ts'
import { isToken } from '#protocol/subjects/token.ts'
import type { SensorAllowList } from '#sensors/sensor.ts'

export interface SensorConfig {
  /** Names this entry; an entry with the id of a default sensor takes its place. Default: the sensor's name. */
  readonly id?: string | undefined
  /** A name of the table in `sensors/README.md`. */
  readonly sensor: string
  /** How often it is read, ms. Default `sensorIntervalMs`. */
  readonly intervalMs?: number | undefined
  /** The sensor's own parameters. */
  readonly parameters?: Readonly<Record<string, unknown>> | undefined
  /** Added to every reading; keeps two sensors of one kind apart. */
  readonly tags?: Readonly<Record<string, string>> | undefined
}

export interface CarbonConfig {
  /** Listening address. Default 127.0.0.1: whoever reaches the port can write. */
  readonly host: string
  /** TCP and UDP port of the line protocol; 0 = any free one. Default 2003. */
  readonly port: number
  /** TCP port of the pickle protocol, off when absent. The decoder takes data only, never code. */
  readonly picklePort?: number | undefined
  /** Take four fields `application metric value timestamp` too. Default true. */
  readonly fourFields: boolean
}

export interface AgentConfig {
  /** Tenant, cloud and host: 1 to 64 of A-Z a-z 0-9 _ -. Defaults: `default`, `home`, the machine's host name. */
  readonly tenant: string
  readonly cloud: string
  readonly host: string
  /** Folder for identity, session and store. Default `/var/lib/lanista`. */
  readonly data: string
  /** Broker addresses, `nats://host:port` or `mqtt://host:port`, tried in turn. Empty: measure and store only. */
  readonly broker: readonly string[]
  /** Absent = no carbon port. */
  readonly carbon?: CarbonConfig | undefined
  /** Sensors beside or, by the same id, instead of the default ones. */
  readonly sensors: readonly SensorConfig[]
  /** Read the default sensors, every `intervalMs` of `sensorIntervalMs`. Default true. */
  readonly defaultSensors: boolean
  /** Interval of sensors that name none, ms. Default 10,000. */
  readonly sensorIntervalMs: number
  /** Folders custom sensors may be loaded from, programs that script sensors may start. Default none. */
  readonly allow: SensorAllowList
  /** What the controller is sent: `all`, `vital`, or selectors. Default `vital`; `all` in the cloud `home`. */
  readonly uplink?: 'all' | 'vital' | readonly string[] | undefined
  /** What operators may hear on `metric.<name>`: `all`, or selectors. Default none. */
  readonly publish: 'all' | readonly string[]
  /** Series the store may hold. Default 100,000; about 600 bytes of memory each. */
  readonly seriesMax: number
  readonly store: {
    /** Time between journal rows, ms; what `kill -9` can take. 0 = each write. Default 200. */
    readonly commitIntervalMs: number
    /** When the journal is synced to disk. Default `everySecond`. */
    readonly sync: 'never' | 'everySecond' | 'always'
    /** Bytes on disk at most; the oldest goes first. Default 10 % of the disk, at most 1 GiB. */
    readonly bytesMax?: number | undefined
  }
  /** Facts for people and rules to select by. */
  readonly labels: Readonly<Record<string, string>>
  /** Heartbeat interval until the controller says otherwise, ms. Default 10,000. */
  readonly heartbeatIntervalMs: number
  /** Default `info`. */
  readonly log: LogLevel
}

/** A selector of the dozen series every controller is sent. */
export const vitalSelectors: readonly string[] = [
  '{cpu,memory,swap}.usage',
  'cpu.{iowait,steal}',
  'load.*',
  'memory.available',
  'disk.{read,write}',
  'network.{rx,tx}',
  'filesystem.usage',
  'uptime',
  'agent.{rss,cpu}',
]

const idText = z
  .string()
  .check(z.refine((text) => isToken(text) && !text.startsWith('_'), 'expected 1 to 64 of A-Z a-z 0-9 _ -'))
const port = z.int().check(z.minimum(0), z.maximum(65_535))
const selectors = z.array(z.string()).check(z.maxLength(1000))

/** Checked against {@link AgentConfig}; unknown keys are refused. */
export const agentConfigSchema: z.ZodMiniType<AgentConfig> = z.strictObject({
  tenant: idText,
  cloud: idText,
  host: idText,
  data: z.string().check(z.minLength(1)),
  broker: z.array(
    z.string().check(z.regex(/^(nats|mqtt):\/\/[^\s/]+$/, 'expected nats://host:port or mqtt://host:port')),
  ),
  carbon: z.optional(z.strictObject({ host: z.string(), port, picklePort: z.optional(port), fourFields: z.boolean() })),
  sensors: z.array(
    z.strictObject({
      id: z.optional(idText),
      sensor: z.string(),
      intervalMs: z.optional(z.int().check(z.minimum(100))),
      parameters: z.optional(z.record(z.string(), z.unknown())),
      tags: z.optional(z.record(z.string(), z.string())),
    }),
  ),
  defaultSensors: z.boolean(),
  sensorIntervalMs: z.int().check(z.minimum(100)),
  allow: z.strictObject({
    sensorFolders: z.array(z.string()),
    scripts: z.array(z.string()),
  }),
  uplink: z.optional(z.union([z.literal('all'), z.literal('vital'), selectors])),
  publish: z.union([z.literal('all'), selectors]),
  seriesMax: z.int().check(z.minimum(1), z.maximum(10_000_000)),
  store: z.strictObject({
    commitIntervalMs: z.int().check(z.minimum(0), z.maximum(60_000)),
    sync: z.enum(['never', 'everySecond', 'always']),
    bytesMax: z.optional(z.int().check(z.minimum(1_048_576))),
  }),
  labels: z.record(z.string(), z.string()),
  heartbeatIntervalMs: z.int().check(z.minimum(100)),
  log: z.enum(logLevels),
})

/** What holds where the configuration says nothing. */
export function defaultAgentConfig(): AgentConfig {
  return {
    tenant: 'default',
    cloud: 'home',
    host: hostToken(hostname()),
    data: '/var/lib/lanista',
    broker: [],
    carbon: { host: '127.0.0.1', port: 2003, fourFields: true },
    sensors: [],
    defaultSensors: true,
    sensorIntervalMs: 10_000,
    allow: { sensorFolders: [], scripts: [] },
    publish: [],
    seriesMax: 100_000,
    store: { commitIntervalMs: 200, sync: 'everySecond' },
    labels: {},
    heartbeatIntervalMs: 10_000,
    log: 'info',
  }
}

/** The selectors behind `uplink`. */
export function uplinkOf(config: AgentConfig): 'all' | readonly string[] {
  const uplink = config.uplink ?? (config.cloud === 'home' ? 'all' : 'vital')
  return uplink === 'vital' ? vitalSelectors : uplink
}

/** A host name as a token: characters outside the alphabet become `-`. */
export function hostToken(name: string): string {
  const token = name
    .replace(/[^A-Za-z0-9_-]/g, '-')
    .replace(/^[_-]+/, '')
    .slice(0, 64)
  return token === '' ? 'host' : token
}
