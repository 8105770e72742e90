/** Where instances may run and what they may use, as it may be written. */
import * as z from 'zod/mini'
import type { ResourceLimits, RestartPolicy } from '#protocol/instances/spec.ts'
import { idForm, isId } from '#protocol/subjects/token.ts'
import { type Form, listOf, mapOf, oneOf, textAs, turned, written } from './forms.ts'
import { type InstanceCounts, type Place, systems } from './model.ts'
import { bytes, bytesAtLeast, cores, coresAtLeast, countWithin, plainText, span, whole } from './quantities.ts'

/** Instances of one component. */
const instancesMax = 10_000
const restartsDefault = { restartsMax: 5, windowMs: 600_000 }
const backoffDefault = [1000, 60_000] as const

const id: Form<string> = textAs(idForm, (text) => (isId(text) ? text : undefined))
const ids = (what: string): Form<readonly string[]> => listOf(`${what} or a list of them`, 1000, id)

/** `3`, or `{min, initial, max}`: min 1, the others as many as the next lower one. */
export const instances: Form<InstanceCounts> = written('a count or {min, initial, max}', {
  number: turned(whole(0, instancesMax), (count) => ({ min: count, initial: count, max: count })),
  map: turned(
    z.strictObject({
      min: z.optional(whole(0, instancesMax)),
      initial: z.optional(whole(0, instancesMax)),
      max: z.optional(whole(1, instancesMax)),
    }),
    ({ min, initial, max }) => {
      const least = min ?? Math.min(1, initial ?? 1)
      const first = initial ?? least
      return { min: least, initial: first, max: max ?? Math.max(first, least, 1) }
    },
  ),
})

const labelMap = {
  isName: (text: string): boolean => text.length > 0 && text.length <= 128,
  form: '1 to 128 characters',
  countMax: 64,
}
const labels: Form<Readonly<Record<string, string>>> = turned(mapOf(labelMap, plainText), (entries) =>
  Object.fromEntries(entries),
)

/** Constraints on hosts. */
export const place: Form<Place> = turned(
  z.strictObject({
    cloud: z.optional(ids('a cloud')),
    host: z.optional(ids('a host')),
    labels: z.optional(labels),
    system: z.optional(listOf('a system or a list of them', systems.length, oneOf(...systems))),
    cores: z.optional(coresAtLeast),
    memory: z.optional(bytesAtLeast),
    disk: z.optional(bytesAtLeast),
    spread: z.optional(oneOf('host', 'zone', 'cloud')),
    antiAffinity: z.optional(ids('a component')),
  }),
  (given): Place => ({
    clouds: given.cloud,
    hosts: given.host,
    labels: given.labels ?? {},
    systems: given.system,
    coresMin: given.cores,
    memoryBytesMin: given.memory,
    diskBytesMin: given.disk,
    spread: given.spread,
    antiAffinity: given.antiAffinity ?? [],
  }),
)

const restartOn = oneOf('never', 'failure', 'always')
const limit: Form<typeof restartsDefault> = written('a count, or a count and a time like 5/10m', {
  number: turned(whole(0, 1_000_000), (restartsMax) => ({ ...restartsDefault, restartsMax })),
  text: turned(countWithin, ([restartsMax, windowMs]) => ({ restartsMax, windowMs })),
})

/** `always`, or `{on, backoff: 1s..1m, limit: 5/10m}`. */
export const restart: Form<RestartPolicy> = written('never, failure, always or {on, backoff, limit}', {
  text: turned(restartOn, (on) => restartPolicy({ on })),
  map: turned(
    z.strictObject({ on: z.optional(restartOn), backoff: z.optional(span), limit: z.optional(limit) }),
    restartPolicy,
  ),
})

interface Restart {
  readonly on?: RestartPolicy['on'] | undefined
  readonly backoff?: readonly [minMs: number, maxMs: number] | undefined
  readonly limit?: typeof restartsDefault | undefined
}

/** A policy with its gaps filled: on failure, after 1 s to 1 min, at most 5 times in 10 min. */
export function restartPolicy({
  on = 'failure',
  backoff = backoffDefault,
  limit = restartsDefault,
}: Restart): RestartPolicy {
  return { on, backoffMinMs: backoff[0], backoffMaxMs: backoff[1], ...limit }
}

/** `{cpu: 1.5, memory: 512M, processes: 100}`. */
export const resources: Form<ResourceLimits> = turned(
  z.strictObject({
    cpu: z.optional(cores),
    memory: z.optional(bytes),
    processes: z.optional(whole(1, 4_194_304)),
  }),
  ({ cpu, memory, processes }) => ({ cpus: cpu, memoryBytes: memory, processes }),
)
