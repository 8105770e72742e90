/** The agent's configuration: every setting, its unit, its default, and what it trades. */
import { hostname } from 'node:os'
import * as z from 'zod/mini'
import { messageOf } from '#protocol/errors.ts'
import { compileSelector } from '#protocol/metrics/selector.ts'
import { inOwnWords } from '#protocol/runtime/config-issues.ts'
import { type LogLevel, logLevels } from '#protocol/runtime/logger.ts'
import { idForm, isId } from '#protocol/subjects/token.ts'
import { sensors } from '#sensors/registry.ts'
import type { SensorAllowList } from '#sensors/sensor.ts'
import { prepareSensors } from '#sensors/sensor-set.ts'
import { type InstancesConfig, instancesConfigSchema } from './lance/lance-options.ts'
import { type OrdersConfig, ordersConfigSchema } from './orders/order-options.ts'
import { type RingConfig, ringConfigSchema, ringDefaults } from './ring/ring-options.ts'
import type { PrefixBudget } from './store/cardinality.ts'
import { fillOptions, isTierStep, type SyncPolicy, syncPolicies, type TierOptions } from './store/options.ts'

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

/** How samples are kept. What is absent has the default named. */
export interface StoreConfig {
  /** Time between journal rows, ms; what `kill -9` can take. Less = more, smaller rows. 0 = each write. Default 200. */
  readonly commitIntervalMs: number
  /**
   * When the journal is forced onto the disk itself, which only a power cut makes a difference to: `never` spares a flash card,
   * `everySecond` loses at most a second, `always` nothing, at one wait for the disk a commit. Default `everySecond`.
   */
  readonly sync: SyncPolicy
  /**
   * Bytes of all files of the store together, tiers and copies of other hosts included; the oldest goes first. Default 10 % of the
   * disk, at most so much that the own part is 1 GiB: about two years of 300 series every 10 s.
   */
  readonly bytesMax?: number | undefined
  /**
   * Share of `bytesMax` for this host's own samples, above 0 to 1; the rest is for copies of other hosts' samples, of whom the one that has
   * most gives way first. More = a longer history of its own, less room for others. Default 1 / `ring.copies`: as much for each of the
   * hosts that are copied here as for itself; 0.8 where nothing is copied, for what hosts that leave hand over. Give all hosts of a
   * cloud the same, or those with less keep less of the others.
   */
  readonly localShare?: number | undefined
  /** Days that samples are kept as they came; `bytesMax` may end them sooner, and then the tiers go on. Default 400. */
  readonly retentionDays?: number | undefined
  /**
   * Roll-ups (min, max, sum, count, last) that answer long ranges fast and outlive the samples; each costs work once a day and a few
   * bytes a window. `stepMs` divides a day into at most 4,096 windows. `[]` = none. Default 10 min for 800 days, 1 h for 4,000.
   */
  readonly tiers?: readonly TierOptions[] | undefined
  /**
   * Age at which samples are moved from memory and journal into blocks, ms. Longer = larger blocks, so fewer bytes a sample, but more
   * memory and a longer start after `kill -9`. Default one hour.
   */
  readonly sealAgeMs?: number | undefined
  /**
   * Samples in memory at which they are moved into blocks whatever their age, 24 bytes each, twice as many for a while. More = larger
   * blocks at high rates. Default 524,288: 12 to 24 MiB, reached only by more than 145 samples a second.
   */
  readonly openSamplesMax?: number | undefined
  /** Samples not committed yet at which clients are made to wait, 24 bytes each; beyond twice as many are dropped. Default 131,072. */
  readonly headSamplesMax?: number | undefined
  /**
   * Free bytes on the disk below which nothing is written: the machine's other programs need room too. Samples are dropped and counted
   * meanwhile, reading goes on, writing resumes by itself. Default 64 MiB.
   */
  readonly freeBytesMin?: number | undefined
}

/** A new series is refused (and counted, and its client named) when one of its budgets is used up. */
export interface SeriesBudgetConfig {
  /** Tokens of a name that make a prefix: 2 = `shop.web` of `shop.web.requests`. Default 2. */
  readonly prefixTokens?: number | undefined
  /** Series below one prefix. Default `seriesMax`. */
  readonly prefixSeriesMax?: number | undefined
  /** Prefixes with a depth and a budget of their own; the first that matches a name counts. Default none. */
  readonly prefixes?: readonly PrefixBudget[] | undefined
  /** Series one client (a sender's address) may make from one start of the agent to the next. Default `seriesMax`. */
  readonly clientSeriesMax?: number | undefined
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
  /**
   * Series the store may hold; above it new ones are refused and known ones go on, and the agent's own sensors have 1,024 more.
   * Default 100,000; about 600 bytes of memory each.
   */
  readonly seriesMax: number
  /** Smaller budgets below `seriesMax`, so that one application or one client cannot use all of it. Default none. */
  readonly seriesBudget: SeriesBudgetConfig
  readonly store: StoreConfig
  /** Copies of this host's samples on other hosts of its cloud; its failure domain is the label `zone`. */
  readonly ring: RingConfig
  /** Whose orders are carried out, and which. Absent = none. */
  readonly orders?: OrdersConfig | undefined
  /** Which instances of applications it runs, where it takes orders. Absent = none. */
  readonly instances?: InstancesConfig | undefined
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

const idText = z.string().check(z.refine(isId, `expected ${idForm}`))
const port = z.int().check(z.minimum(0), z.maximum(65_535))
const seriesCount = z.int().check(z.minimum(1), z.maximum(10_000_000))
const prefixPattern = z
  .string()
  .check(z.regex(/^(\*|[^\s.;*]+)(\.(\*|[^\s.;*]+))*$/, 'expected tokens with dots between them, * for any one token'))
const days = z.int().check(z.minimum(1), z.maximum(36_500))
const tierStep = z.int().check(z.refine(isTierStep, 'expected a whole part of a day in ms, at most 4,096 in it'))
const selectors = z.array(z.string()).check(z.maxLength(1000))

/** Rules beyond the shape: each mistake with its path below the value. */
interface Fault {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** A check that tells every fault in its own words. */
function ruled<T>(faultsOf: (value: T) => readonly Fault[]): (payload: z.core.ParsePayload<T>) => void {
  return ({ value, issues }) => {
    for (const { path, message } of faultsOf(value)) {
      issues.push({ code: 'custom', message, path: [...path], input: value, params: inOwnWords })
    }
  }
}

function faultOf(path: readonly PropertyKey[], attempt: () => unknown): Fault[] {
  try {
    attempt()
    return []
  } catch (error) {
    return [{ path, message: messageOf(error) }]
  }
}

function sensorFaults(list: readonly SensorConfig[]): Fault[] {
  const entries = list.map((entry) => ({ ...entry, intervalMs: entry.intervalMs ?? 10_000 }))
  const faults = entries.flatMap((entry, i) => faultOf([i], () => prepareSensors([entry], sensors)))
  return faults.length > 0 ? faults : faultOf([], () => prepareSensors(entries, sensors))
}

/** Their order; what is wrong with one alone, the schema has told. */
function tierFaults(store: AgentConfig['store']): Fault[] {
  const fit = store.tiers?.every(({ stepMs }) => isTierStep(stepMs)) ?? true
  return fit ? faultOf(['tiers'], () => fillOptions({ folder: '', ...store }, 0)) : []
}

function selectorFaults(list: string | readonly string[]): Fault[] {
  return typeof list === 'string' ? [] : list.flatMap((text, i) => faultOf([i], () => compileSelector(text)))
}

/** The sensors of a configuration, or of an order. */
export const sensorConfigsSchema: z.ZodMiniType<readonly SensorConfig[]> = z
  .array(
    z.strictObject({
      id: z.optional(idText),
      sensor: z.string(),
      intervalMs: z.optional(z.int().check(z.minimum(100))),
      parameters: z.optional(z.record(z.string(), z.unknown())),
      tags: z.optional(z.record(z.string(), z.string())),
    }),
  )
  .check(ruled(sensorFaults))

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
  sensors: sensorConfigsSchema,
  defaultSensors: z.boolean(),
  sensorIntervalMs: z.int().check(z.minimum(100)),
  allow: z.strictObject({
    sensorFolders: z.array(z.string()),
    scripts: z.array(z.string()),
  }),
  uplink: z.optional(z.union([z.literal('all'), z.literal('vital'), selectors]).check(ruled(selectorFaults))),
  publish: z.union([z.literal('all'), selectors]).check(ruled(selectorFaults)),
  seriesMax: seriesCount,
  seriesBudget: z.strictObject({
    prefixTokens: z.optional(z.int().check(z.minimum(1), z.maximum(16))),
    prefixSeriesMax: z.optional(seriesCount),
    prefixes: z.optional(
      z.array(z.strictObject({ match: prefixPattern, seriesMax: seriesCount })).check(z.maxLength(64)),
    ),
    clientSeriesMax: z.optional(seriesCount),
  }),
  store: z
    .strictObject({
      commitIntervalMs: z.int().check(z.minimum(0), z.maximum(60_000)),
      sync: z.enum(syncPolicies),
      bytesMax: z.optional(z.int().check(z.minimum(1_048_576))),
      localShare: z.optional(z.number().check(z.minimum(0.01), z.maximum(1))),
      retentionDays: z.optional(days),
      tiers: z.optional(z.array(z.strictObject({ stepMs: tierStep, retentionDays: days })).check(z.maxLength(8))),
      sealAgeMs: z.optional(z.int().check(z.minimum(1000), z.maximum(86_400_000))),
      openSamplesMax: z.optional(z.int().check(z.minimum(1024), z.maximum(16_777_216))),
      headSamplesMax: z.optional(z.int().check(z.minimum(1024), z.maximum(4_194_304))),
      freeBytesMin: z.optional(z.int().check(z.minimum(0))),
    })
    .check(ruled(tierFaults)),
  ring: ringConfigSchema,
  orders: z.optional(ordersConfigSchema),
  instances: z.optional(instancesConfigSchema),
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
    seriesBudget: {},
    store: { commitIntervalMs: 200, sync: 'everySecond' },
    ring: ringDefaults,
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
