/** What the OpenStack server keeps: servers, groups, keys; and the faults it is under. */
import { randomUUID } from 'node:crypto'
import * as z from 'zod'

export interface NovaServer {
  readonly id: string
  readonly name: string
  readonly created: string
  readonly metadata: Readonly<Record<string, string>>
  readonly tags: readonly string[]
  readonly userData: string
  readonly groups: readonly string[]
  readonly keyName: string | undefined
  readonly zone: string
  status: 'BUILD' | 'ACTIVE' | 'ERROR'
  fault: string | undefined
  isDeleting: boolean
}

export interface NeutronGroup {
  readonly id: string
  readonly name: string
  readonly rules: Record<string, unknown>[]
}

export interface OpenstackFaults {
  /** So many requests are refused for their pace. */
  throttled: number
  /** By `POST servers`, `GET servers`, `DELETE server`, `POST security-groups`. */
  readonly lostAnswers: Map<string, number>
  readonly lostRequests: Map<string, number>
  /** So many requests for a server are lost and take effect only when the next one comes. */
  lateMakes: number
  isFull: boolean
  isOverQuota: boolean
  isStuck: boolean
  pageSize: number
}

/** A refusal: status and words. */
export class OpenstackRefusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export const flavorId = 'c1a2b3c4-0000-4000-8000-000000000001'
export const imageId = 'd1a2b3c4-0000-4000-8000-000000000001'
export const zones = ['nova', 'nova-2'] as const

const makeSchema = z.object({
  server: z.object({
    name: z.string(),
    flavorRef: z.string(),
    imageRef: z.string(),
    user_data: z.base64().optional(),
    config_drive: z.literal(true),
    metadata: z.record(z.string().max(255), z.string().max(255)),
    networks: z.union([z.enum(['auto', 'none']), z.array(z.object({ uuid: z.string() }))]),
    security_groups: z.array(z.object({ name: z.string() })),
    key_name: z.string().optional(),
    availability_zone: z.string().optional(),
    tags: z.array(z.string().max(60)).max(50),
  }),
})

const ruleSchema = z.object({ security_group_rule: z.looseObject({ security_group_id: z.string() }) })
const groupSchema = z.object({ security_group: z.object({ name: z.string(), description: z.string() }) })
const keySchema = z.object({ keypair: z.object({ name: z.string(), public_key: z.string().startsWith('ssh-') }) })

export class OpenstackCloud {
  readonly servers: Map<string, NovaServer> = new Map()
  readonly groups: Map<string, NeutronGroup> = new Map()
  readonly keys: Map<string, string> = new Map()
  readonly faults: OpenstackFaults = {
    throttled: 0,
    lostAnswers: new Map(),
    lostRequests: new Map(),
    lateMakes: 0,
    isFull: false,
    isOverQuota: false,
    isStuck: false,
    pageSize: 1000,
  }

  /** Time goes on: what boots has booted, what is deleted is gone. */
  settle(): void {
    for (const server of this.servers.values()) {
      if (server.isDeleting) this.servers.delete(server.id)
      else if (server.status === 'BUILD' && !this.faults.isStuck) server.status = 'ACTIVE'
    }
  }

  make(body: unknown): NovaServer {
    const { server: asked } = parsed(makeSchema, body)
    if (this.faults.isOverQuota)
      throw new OpenstackRefusal(403, 'Quota exceeded for instances: Requested 1, but already used 10 of 10 instances')
    if (asked.flavorRef !== flavorId) throw new OpenstackRefusal(400, `Flavor ${asked.flavorRef} could not be found.`)
    if (asked.imageRef !== imageId) throw new OpenstackRefusal(400, 'Invalid imageRef provided.')
    const server: NovaServer = {
      id: randomUUID(),
      name: asked.name,
      created: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
      metadata: asked.metadata,
      tags: asked.tags,
      userData: Buffer.from(asked.user_data ?? '', 'base64').toString(),
      groups: asked.security_groups.map(({ name }) => name),
      keyName: asked.key_name,
      zone: asked.availability_zone ?? 'nova',
      status: this.faults.isFull ? 'ERROR' : 'BUILD',
      fault: this.faults.isFull ? 'No valid host was found. There are not enough hosts available.' : undefined,
      isDeleting: false,
    }
    this.servers.set(server.id, server)
    return server
  }

  /** Servers with all the tags, behind the marker, a page of them. */
  page(query: URLSearchParams): NovaServer[] {
    const tags = query.get('tags')?.split(',') ?? []
    const found = [...this.servers.values()].filter((server) => tags.every((tag) => server.tags.includes(tag)))
    const marker = query.get('marker')
    const from = marker === null ? 0 : found.findIndex(({ id }) => id === marker) + 1
    return found.slice(from, from + Math.min(this.faults.pageSize, Number(query.get('limit') ?? 1000)))
  }

  server(id: string): NovaServer {
    const server = this.servers.get(id)
    if (!server) throw new OpenstackRefusal(404, `Instance ${id} could not be found.`)
    return server
  }

  makeGroup(body: unknown): NeutronGroup {
    const { security_group: asked } = parsed(groupSchema, body)
    const group = { id: randomUUID(), name: asked.name, rules: [{ direction: 'egress', protocol: null }] }
    this.groups.set(group.id, group)
    return group
  }

  addRule(body: unknown): void {
    const { security_group_rule: rule } = parsed(ruleSchema, body)
    const group = this.groups.get(rule.security_group_id)
    if (!group) throw new OpenstackRefusal(404, 'Security group does not exist')
    const isThere = group.rules.some((known) => JSON.stringify(known) === JSON.stringify(rule))
    if (isThere) throw new OpenstackRefusal(409, 'Security group rule already exists.')
    group.rules.push(rule)
  }

  addKey(body: unknown): void {
    const { keypair } = parsed(keySchema, body)
    if (this.keys.has(keypair.name)) throw new OpenstackRefusal(409, `Key pair '${keypair.name}' already exists.`)
    this.keys.set(keypair.name, keypair.public_key)
  }
}

function parsed<T>(schema: z.ZodType<T>, body: unknown): T {
  const { data, error } = schema.safeParse(body)
  if (error) throw new OpenstackRefusal(400, error.message)
  return data
}
