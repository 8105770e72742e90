/** OpenStack's shapes and ours. Pure. */
import { createHash } from 'node:crypto'
import * as z from 'zod'
import type { HardwareOffer, ImageOffer, Vm, VmSpec, VmState } from '../cloud-driver.ts'
import { marksOf, portWords, tagsOf } from '../vm-tags.ts'

/** A server as Nova lists it. */
export interface Server {
  readonly id: string
  readonly name: string
  readonly status: string
  readonly created: string
  readonly metadata: Readonly<Record<string, string>>
  readonly addresses: Readonly<Record<string, readonly Address[]>>
  readonly fault?: { readonly message?: string | undefined } | undefined
  readonly 'OS-EXT-STS:task_state'?: string | null | undefined
  readonly 'OS-EXT-AZ:availability_zone'?: string | undefined
}

interface Address {
  readonly addr: string
  readonly 'OS-EXT-IPS:type'?: string | undefined
}

export const serverSchema: z.ZodType<Server> = z.object({
  id: z.string(),
  name: z.string(),
  status: z.string(),
  created: z.string(),
  metadata: z.record(z.string(), z.string()),
  addresses: z.record(z.string(), z.array(z.object({ addr: z.string(), 'OS-EXT-IPS:type': z.string().optional() }))),
  fault: z.object({ message: z.string().optional() }).optional(),
  'OS-EXT-STS:task_state': z.string().nullish(),
  'OS-EXT-AZ:availability_zone': z.string().optional(),
})

/** Servers are found by these: tags of Nova hold 60 characters. */
export function ownerMark(owner: string): string {
  return `lanista-owner-${digestOf(owner)}`
}

export function tokenMark(token: string): string {
  return `lanista-token-${digestOf(token)}`
}

/** The same ports of the same owner share a group. */
export function groupNameOf(owner: string, spec: Pick<VmSpec, 'ports'>): string {
  return `lanista-${digestOf(`${owner}\n${portWords(spec.ports).join('\n')}`)}`
}

export function keyNameOf(publicKey: string): string {
  return `lanista-${digestOf(publicKey.trim())}`
}

export interface Making {
  readonly spec: VmSpec
  readonly token: string
  readonly zone: string | undefined
  readonly groupId: string
  readonly keyName: string | undefined
  readonly network: string
}

/** What Nova names itself, so that it need not be asked: hardware and image come back as ids only through metadata. */
const hardwareKey = 'lanista:hardware'
const imageKey = 'lanista:image'

export function makingOf({ spec, token, zone, groupId, keyName, network }: Making): unknown {
  return {
    server: {
      name: spec.name,
      flavorRef: spec.hardware,
      imageRef: spec.image,
      user_data: spec.userData === undefined ? undefined : Buffer.from(spec.userData).toString('base64'),
      config_drive: true,
      metadata: { ...tagsOf(spec, token), [hardwareKey]: spec.hardware, [imageKey]: spec.image },
      networks: network === 'auto' || network === 'none' ? network : [{ uuid: network }],
      security_groups: [{ name: groupId }],
      key_name: keyName,
      availability_zone: zone,
      tags: [ownerMark(spec.owner), tokenMark(token)],
    },
  }
}

const states: Readonly<Record<string, VmState>> = {
  BUILD: 'pending',
  REBUILD: 'pending',
  ACTIVE: 'running',
  REBOOT: 'running',
  HARD_REBOOT: 'running',
  SHUTOFF: 'stopped',
  SUSPENDED: 'stopped',
  PAUSED: 'stopped',
  SHELVED: 'stopped',
  SHELVED_OFFLOADED: 'stopped',
  ERROR: 'failed',
  SOFT_DELETED: 'terminated',
  DELETED: 'terminated',
}

/** A server with our marks; undefined for any other. */
export function vmOf(region: string, server: Server): Vm | undefined {
  const marks = marksOf(server.metadata)
  if (!marks) return undefined
  const zone = server['OS-EXT-AZ:availability_zone'] ?? ''
  const addresses = Object.values(server.addresses).flat()
  const isOurs = ({ addr, 'OS-EXT-IPS:type': type }: Address): boolean => type !== 'floating' && isPrivate(addr)
  return {
    id: `${region}/${server.id}`,
    name: server.name,
    owner: marks.owner,
    token: marks.token,
    state: server['OS-EXT-STS:task_state'] === 'deleting' ? 'stopping' : (states[server.status] ?? 'pending'),
    fault: server.fault?.message,
    location: zone === '' ? region : `${region}/${zone}`,
    hardware: server.metadata[hardwareKey] ?? '',
    image: server.metadata[imageKey] ?? '',
    privateAddresses: addresses.filter(isOurs).map(({ addr }) => addr),
    publicAddresses: addresses.filter((address) => !isOurs(address)).map(({ addr }) => addr),
    createdMs: Date.parse(server.created),
    labels: marks.labels,
  }
}

/** Of several servers of one token the first that was made is kept, the same one whoever looks. */
export function firstMade(servers: readonly Server[]): Server | undefined {
  return servers.toSorted((a, b) => compare(a.created, b.created) || compare(a.id, b.id))[0]
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

const flavorSchema = z.object({
  id: z.string(),
  name: z.string().optional(),
  vcpus: z.number(),
  ram: z.number(),
  disk: z.number(),
})

export function hardwareOf(region: string, flavor: unknown): HardwareOffer[] {
  const { data } = flavorSchema.safeParse(flavor)
  if (!data) return []
  const { id, name = id, vcpus: cores, ram, disk } = data
  const diskBytes = disk === 0 ? undefined : disk * 2 ** 30
  return [{ id, name, cores, memoryBytes: ram * 2 ** 20, diskBytes, architectures: [], locations: [region] }]
}

const imageSchema = z.object({
  id: z.string(),
  name: z.string().nullish(),
  created_at: z.string().optional(),
  architecture: z.string().optional(),
  hw_architecture: z.string().optional(),
  os_type: z.string().optional(),
})

export function imageOf(region: string, image: unknown): ImageOffer[] {
  const { data } = imageSchema.safeParse(image)
  if (!data) return []
  const architecture = data.hw_architecture ?? data.architecture
  return [
    {
      id: data.id,
      name: data.name ?? data.id,
      architecture: architecture === 'x86_64' ? 'x64' : architecture === 'aarch64' ? 'arm64' : architecture,
      locations: [region],
      family: data.os_type,
      createdMs: data.created_at === undefined ? undefined : Date.parse(data.created_at),
    },
  ]
}

/** RFC 1918, and what an IPv6 network keeps to itself. */
function isPrivate(address: string): boolean {
  return /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|f[cd]|fe80)/i.test(address)
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}
