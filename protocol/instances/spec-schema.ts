/** An InstanceSpec as it comes in an order, or from the disk; every part of it has a bound. */
import * as z from 'zod/mini'
import { LanistaError } from '#protocol/errors.ts'
import { dotted, expectedOf } from '#protocol/schema-words.ts'
import { idForm, isId } from '#protocol/subjects/token.ts'
import { membersSchema } from './members.ts'
import { serviceSchema } from './scripts.ts'
import {
  type Detector,
  type Handler,
  handlerNames,
  type InstanceSpec,
  type PeerEndpoint,
  type RequiredPort,
} from './spec.ts'

const dayMs = 86_400_000
const peersMax = 1000

const token = z.string().check(z.refine(isId, `expected ${idForm}`))
const text = z.string().check(z.maxLength(131_072))
const name = z.string().check(z.minLength(1), z.maxLength(256))
const ms = z.int().check(z.minimum(0), z.maximum(7 * dayMs))
const portNumber = z.int().check(z.minimum(1), z.maximum(65_535))
const status = z.int().check(z.minimum(100), z.maximum(599))
const command = z.array(text).check(z.minLength(1), z.maxLength(256))

const handler: z.ZodMiniType<Handler> = z.strictObject({
  commands: z.array(command).check(z.maxLength(64)),
  timeoutMs: ms,
})
const handlers = z.partialRecord(z.enum(handlerNames), handler)

const times = { intervalMs: z.int().check(z.minimum(10), z.maximum(dayMs)), timeoutMs: ms }
const detector: z.ZodMiniType<Detector> = z.union([
  z.strictObject({ kind: z.literal('script'), command, ...times }),
  z.strictObject({ kind: z.literal('tcp'), port: name, ...times }),
  z.strictObject({
    kind: z.literal('http'),
    port: name,
    path: z.string().check(z.startsWith('/'), z.maxLength(2048)),
    status: z.tuple([status, status]),
    ...times,
  }),
  z.strictObject({ kind: z.literal('log'), pattern: z.string().check(z.maxLength(1024)), ...times }),
])

const address = z.optional(z.string().check(z.maxLength(300)))
const peer: z.ZodMiniType<PeerEndpoint> = z.strictObject({
  instance: token,
  public: address,
  cloud: address,
  container: address,
})
const required: z.ZodMiniType<RequiredPort> = z.strictObject({
  name,
  min: z.int().check(z.minimum(0), z.maximum(peersMax)),
  max: z.optional(z.int().check(z.minimum(0))),
  onChange: z.optional(handler),
  peers: z.array(peer).check(z.maxLength(peersMax)),
})

/** Unknown keys are refused: an agent that cannot do all that is asked says so. */
export const instanceSpecSchema: z.ZodMiniType<InstanceSpec> = z.strictObject({
  id: token,
  application: token,
  component: token,
  generation: z.int().check(z.minimum(1)),
  isolation: z.enum(['docker', 'directory']),
  image: z.optional(name),
  lifecycle: handlers,
  startDetector: z.optional(detector),
  stopDetector: z.optional(detector),
  provides: z
    .array(z.strictObject({ name, port: portNumber, protocol: z.enum(['tcp', 'udp']), isPublic: z.boolean() }))
    .check(z.maxLength(64)),
  requires: z.array(required).check(z.maxLength(64)),
  environment: z.record(z.string().check(z.regex(/^[A-Za-z_][A-Za-z0-9_]{0,255}$/)), text),
  files: z
    .array(z.strictObject({ path: z.string().check(z.maxLength(1024)), text, isExecutable: z.boolean() }))
    .check(z.maxLength(256)),
  code: z.optional(z.strictObject({ id: name, sha256: z.string().check(z.regex(/^[0-9a-f]{64}$/)), bytes: z.int() })),
  volumes: z.array(z.string().check(z.maxLength(4096))).check(z.maxLength(64)),
  resources: z.strictObject({
    cpus: z.optional(z.number().check(z.positive())),
    memoryBytes: z.optional(z.int().check(z.positive())),
    processes: z.optional(z.int().check(z.positive())),
  }),
  restart: z.strictObject({
    on: z.enum(['never', 'failure', 'always']),
    backoffMinMs: ms,
    backoffMaxMs: ms,
    restartsMax: z.int().check(z.minimum(0), z.maximum(1000)),
    windowMs: ms,
  }),
  members: z.optional(membersSchema),
  service: z.optional(serviceSchema),
  isWanted: z.boolean(),
})

/** The body of `instance-apply`. Throws INSTANCE_INVALID with the path of the first mistake. */
export function parseInstanceSpec(value: unknown): InstanceSpec {
  const result = instanceSpecSchema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const mistake = issue ? `${dotted(issue.path)}: expected ${expectedOf(issue)}` : 'another shape'
  throw new LanistaError('INSTANCE_INVALID', `correct the instance: ${mistake}`)
}
