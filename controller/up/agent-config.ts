import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { HostAddress } from './host-addresses.ts'
import type { PlannedHost } from './plan.ts'
import { writeSecret } from './secret-file.ts'

/** What a child agent is told beside its place in the plan. */
export interface AgentSetting {
  readonly brokerUrl: string
  /** The port it got in an earlier run; wins over the plan's 0. */
  readonly carbonPort?: number | undefined
  readonly heartbeatIntervalMs?: number | undefined
  /** Public key of the controller whose orders it takes. */
  readonly orderKey?: string | undefined
  /** Where its instances are reached; absent = the machine's address, which hosts share. */
  readonly address?: HostAddress | undefined
  readonly dockerSocket?: string | undefined
}

/** What a child lets our controller order. */
const allowed: readonly string[] = ['ping', 'sensors-configure', 'instance-*', 'agent-upgrade']
/** Whoever starts `up` runs his own applications: any image, no folder of his machine. */
const allow = { images: ['*'], volumes: [] }

/** The configuration of a child agent. On one machine traffic is free: everything goes up, everything is published. */
export function agentConfigOf(host: PlannedHost, setting: AgentSetting): object {
  const { tenant, cloud, host: name } = host.address
  const { heartbeatIntervalMs, orderKey, address, dockerSocket } = setting
  const instances = {
    allow,
    ...(address && { cloudAddress: address.address, isAddressOwn: true, addressDevice: address.device }),
    dockerSocket,
  }
  return {
    tenant,
    cloud,
    host: name,
    data: host.folder,
    broker: [setting.brokerUrl],
    carbon: { host: host.carbon.host, port: setting.carbonPort ?? host.carbon.port },
    ring: host.ring,
    uplink: 'all',
    publish: 'all',
    ...(heartbeatIntervalMs === undefined ? {} : { heartbeatIntervalMs }),
    ...(orderKey === undefined ? {} : { orders: { key: orderKey, allow: allowed }, instances }),
  }
}

/** Writes the configuration into the agent's folder and returns its path. Throws DATA_DIR_UNWRITABLE. */
export function writeAgentConfig(host: PlannedHost, setting: AgentSetting): string {
  const path = join(host.folder, 'agent.json')
  try {
    mkdirSync(host.folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new LanistaError(
      'DATA_DIR_UNWRITABLE',
      `choose another folder with --data: found ${messageOf(error)}, expected to write ${path}`,
      { cause: error, data: { path } },
    )
  }
  writeSecret(path, agentConfigOf(host, setting))
  return path
}

/** The port behind `host:port`; undefined for anything else. */
export function portOf(place: string | undefined): number | undefined {
  const text = place === undefined ? undefined : /:(\d{1,5})$/.exec(place)?.[1]
  return text === undefined ? undefined : Number(text)
}
