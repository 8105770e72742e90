/**
 * An address for each of several hosts on this machine, so that instances on them can have the same ports, as on machines of their own. On Linux
 * the loop has thousands; a container cannot reach those, so beside a Docker engine the agents lend the loop addresses that are nobody's
 * (RFC 2544), where they may. A host that has instances keeps the address that they listen on.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { messageOf } from '#protocol/errors.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { readSecretFile } from '#protocol/runtime/secret-file.ts'
import { hostIdOf } from '#protocol/subjects/subject.ts'
import { addressAfter, type FleetPlan, type PlannedHost } from './plan.ts'

/** What the instances of one host listen on, alone. */
export interface HostAddress {
  readonly address: string
  /** The device that is given it while there are instances; absent = the machine has it. */
  readonly device?: string | undefined
}

type Plan = Pick<FleetPlan, 'dataDir' | 'hosts' | 'hostAddressing' | 'dockerSocket'>

const usualSocket = '/var/run/docker.sock'
const loop = 'lo'
const firstOfLoop = '127.0.0.2'
/** Blocks of 256 between 198.18.0.0 and 198.19.255.255: two `up` with folders of their own seldom have the same. */
const blocks = 512
const ipTimeoutMs = 5000
const run = promisify(execFile)

const keptSchema = z.object({
  instances: z.object({
    cloudAddress: z.string(),
    isAddressOwn: z.literal(true),
    addressDevice: z.string().optional(),
  }),
})

/** By `T.C.H`; a host that is not there shares the machine's address. Never throws: without addresses hosts share one. */
export async function hostAddresses(plan: Plan, logger: Logger): Promise<ReadonlyMap<string, HostAddress>> {
  const found = await chosen(plan, logger)
  const all = plan.hosts.map((host, i): [string, HostAddress | undefined] => {
    const address = hasInstances(host) ? keptAddress(host) : found(i)
    return [hostIdOf(host.address), address]
  })
  return new Map(all.flatMap(([id, address]): [string, HostAddress][] => (address ? [[id, address]] : [])))
}

type Choice = (index: number) => HostAddress | undefined
const shared: Choice = () => undefined

async function chosen({ dataDir, hosts, hostAddressing, dockerSocket }: Plan, logger: Logger): Promise<Choice> {
  if (hostAddressing.kind === 'from') return addressesFrom(hostAddressing.first)
  if (hostAddressing.kind === 'shared' || hosts.length < 2 || process.platform !== 'linux') return shared
  if (!isSocket(dockerSocket ?? usualSocket)) return addressesFrom(firstOfLoop)
  const first = firstOfBlock(dataDir)
  const refusal = await whyNotLent(first)
  if (refusal === undefined) return addressesFrom(first, loop)
  logger.warn({ reason: refusal, expected: 'root, or --host-addresses' }, 'hosts_share_ports')
  return shared
}

function addressesFrom(first: string, device?: string): Choice {
  return (index) => {
    const address = addressAfter(first, index)
    return address === undefined ? undefined : { address, device }
  }
}

/** The first address of the block that a data folder has. */
export function firstOfBlock(dataDir: string): string {
  const block = createHash('sha256').update(dataDir).digest().readUInt16BE(0) % blocks
  return `198.${18 + Math.floor(block / 256)}.${block % 256}.2`
}

/** Tries it out on an address that no host has. */
async function whyNotLent(first: string): Promise<string | undefined> {
  const words = [`${first.slice(0, first.lastIndexOf('.'))}.1/32`, 'dev', loop]
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }
  try {
    for (const verb of ['replace', 'del']) {
      await run('ip', ['-4', 'address', verb, ...words], { env, timeout: ipTimeoutMs })
    }
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

function hasInstances({ folder }: PlannedHost): boolean {
  try {
    return readdirSync(join(folder, 'instances')).length > 0
  } catch {
    return false
  }
}

/** What its last configuration says; undefined = it shared the machine's. */
function keptAddress({ folder }: PlannedHost): HostAddress | undefined {
  try {
    const kept = keptSchema.safeParse(JSON.parse(readSecretFile(join(folder, 'agent.json')) ?? '{}'))
    if (!kept.success) return undefined
    const { cloudAddress, addressDevice } = kept.data.instances
    return { address: cloudAddress, device: addressDevice }
  } catch {
    return undefined // no configuration that an agent could have run with
  }
}

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() ?? false
}
