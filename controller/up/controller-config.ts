/** The configuration of `lanista controller`: every setting, its unit, its default, and what it trades. */
import { resolve } from 'node:path'
import { z } from 'zod'
import { isLanistaError } from '#protocol/errors.ts'
import { type Address, parseAgentId } from '#protocol/subjects/subject.ts'
import { idForm, isId } from '#protocol/subjects/token.ts'
import {
  copiesDefault,
  copiesMax,
  type FleetPlan,
  graceMsMin,
  type KnownAgent,
  type ListenAt,
  type PlannedHost,
  planBroker,
  planHost,
} from './plan.ts'

/** An agent that may connect: `T.C.H` and its nkey, as `lanista agent identity` prints them. */
export interface AgentEntry {
  readonly id: string
  readonly nkey: string
}

export interface HomeAgentConfig {
  readonly carbon: ListenAt
  /** Hosts of `home` that have each of its samples, itself included, 1 to 8; fewer while there are fewer. Default 3. */
  readonly copies?: number | undefined
  /** Silence after which what a host held is rebuilt elsewhere, ms, at least 1,000. Give every agent of a cloud the same. Default 15 min. */
  readonly graceMs?: number | undefined
}

export interface ControllerConfig {
  /** Folder for keys, registries and the home agent's store. Default `/var/lib/lanista-controller`. */
  readonly data: string
  /** Tenant of the operator and of the home agent: 1 to 64 of A-Z a-z 0-9 _ -. Default `default`. */
  readonly tenant: string
  /** REST API. Default 127.0.0.1:4400; port 0 = any free one. Another address lets the network ask, with the token in clear text. */
  readonly http: ListenAt
  /** As `--broker` of `lanista up`: `embedded` = MQTT in our own process (default), `nats` = a nats-server of ours, `nats://…` = somebody's. */
  readonly broker: string
  /** Where a broker of ours listens. Default 127.0.0.1, port 1883 or 4222. Another address lets agents of the network in. */
  readonly brokerListen: { readonly host: string; readonly port?: number | undefined }
  /** Agents on other machines that may connect (embedded, server); elsewhere the server decides. Default none. */
  readonly agents: readonly AgentEntry[]
  /** The agent of the cloud `home` beside the controller; false = none. Default: carbon on 127.0.0.1:2003. */
  readonly homeAgent: HomeAgentConfig | false
  /** Time between heartbeats, ms, at least 100; shorter = absence noticed earlier, more messages. Default the controller's own. */
  readonly heartbeatIntervalMs?: number | undefined
  /**
   * File with the master key that seals secrets, outside `data`, mode 0600; made when there is none. Default: systemd's credential
   * `lanista-master-key` where there is one, else a file below `~/.config/lanista/master-keys`.
   */
  readonly masterKeyFile?: string | undefined
  /** How far back the window of recent samples reaches, ms; memory grows with it. Default the controller's own. */
  readonly windowMs?: number | undefined
}

const port = z.int().min(0).max(65_535)
const listen = z.strictObject({ host: z.string().min(1), port })
const token = z.string().refine(isId, `expected ${idForm}`)
const homeAgent = z.strictObject({
  carbon: listen,
  copies: z.int().min(1).max(copiesMax).optional(),
  graceMs: z.int().min(graceMsMin).optional(),
})
const agentId = z.string().refine(isAgentId, `expected TENANT.CLOUD.HOST, each ${idForm}`)

/** Checked against {@link ControllerConfig}; unknown keys are refused. */
export const controllerConfigSchema: z.ZodType<ControllerConfig> = z.strictObject({
  data: z.string().min(1),
  tenant: token,
  http: listen,
  broker: z.string().regex(/^(embedded|nats|nats:\/\/[^\s/@]+)$/, 'expected embedded, nats or nats://host:port'),
  brokerListen: z.strictObject({ host: z.string().min(1), port: port.optional() }),
  agents: z.array(
    z.strictObject({ id: agentId, nkey: z.string().regex(/^U[A-Z2-7]{55}$/, 'expected a public nkey, U…') }),
  ),
  homeAgent: z.union([z.literal(false), homeAgent]),
  masterKeyFile: z.string().min(1).optional(),
  heartbeatIntervalMs: z.int().min(100).optional(),
  windowMs: z.int().min(1_000).optional(),
})

/** What holds where the configuration says nothing. */
export function defaultControllerConfig(): ControllerConfig {
  return {
    data: '/var/lib/lanista-controller',
    tenant: 'default',
    http: { host: '127.0.0.1', port: 4400 },
    broker: 'embedded',
    brokerListen: { host: '127.0.0.1' },
    agents: [],
    homeAgent: { carbon: { host: '127.0.0.1', port: 2003 } },
  }
}

/** The plan behind a checked configuration; `machineName` names the home agent. Throws USAGE, SUBJECT_INVALID. */
export function planController(config: ControllerConfig, machineName: string): FleetPlan {
  const dataDir = resolve(config.data)
  const home = { tenant: config.tenant, cloud: 'home', host: machineName }
  return {
    tenant: config.tenant,
    dataDir,
    http: config.http,
    broker: planBroker(config.broker, config.brokerListen),
    hosts: config.homeAgent === false ? [] : [planHomeAgent(home, dataDir, config.homeAgent)],
    hostAddressing: { kind: 'shared' },
    restart: 'always',
    knownAgents: config.agents.map(knownAgent),
    masterKeyFile: config.masterKeyFile === undefined ? undefined : resolve(config.masterKeyFile),
    heartbeatIntervalMs: config.heartbeatIntervalMs,
    windowMs: config.windowMs,
  }
}

function planHomeAgent(address: Address, dataDir: string, { carbon, copies, graceMs }: HomeAgentConfig): PlannedHost {
  return planHost(address, dataDir, carbon, {
    copies: copies ?? copiesDefault,
    ...(graceMs === undefined ? {} : { graceMs }),
  })
}

function knownAgent(entry: AgentEntry): KnownAgent {
  return { address: parseAgentId(entry.id), publicKey: entry.nkey }
}

function isAgentId(text: string): boolean {
  try {
    parseAgentId(text)
    return true
  } catch (error) {
    if (isLanistaError(error)) return false
    throw error
  }
}
