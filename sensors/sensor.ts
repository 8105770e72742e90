/**
 * The seam of everything that measures: one sensor, one file, known by a stable name. A sensor reads the machine and knows
 * nothing of agents, stores or brokers; what cannot be measured here and now is an outcome, not an error.
 */
import type * as z from 'zod/mini'
import { LanistaError } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'

/** One value of one series, without a time: the collector stamps a whole read with one timestamp. */
export interface Reading {
  /** Dotted metric name. */
  readonly name: string
  /** Absent = no tags. Values are fit for a canonical series name, see `tagValue`. */
  readonly tags?: Readonly<Record<string, string>> | undefined
  /** Finite. */
  readonly value: number
  /** E.g. `percent`, `bytes`, `bytes_per_second`; absent where the source does not tell. */
  readonly unit?: string | undefined
}

/** Nothing to measure here: no such device, first reading of a rate, a script that said no. For people, not for programs. */
export interface Unavailable {
  readonly unavailable: string
}

export type Outcome = readonly Reading[] | Unavailable

/** True for the outcome "not available". */
export function isUnavailable(outcome: Outcome): outcome is Unavailable {
  return !Array.isArray(outcome)
}

/** `gauge` goes up and down; `counter` only grows, until its source restarts. */
export type MetricKind = 'gauge' | 'counter'

/** What a sensor may report under one metric name. */
export interface MetricDescription {
  /** Ends in `*` where the rest of the name comes from outside (a script, a scraped page). */
  readonly name: string
  readonly unit: string
  readonly kind: MetricKind
  /** Keys of the tags it may carry. */
  readonly tags: readonly string[]
  /** One sentence for operators. */
  readonly meaning: string
}

/** What the host's owner lets sensors run. Parameters may come from afar; this may not. */
export interface SensorAllowList {
  /** Absolute paths of programs that script sensors may start. */
  readonly scripts: readonly string[]
  /** Absolute folders from which custom sensors may be loaded. */
  readonly sensorFolders: readonly string[]
}

/** What a sensor needs of the world. */
export interface SensorDeps {
  /** Prefix of `/proc` and `/sys`: empty for the machine itself, a folder for a captured tree. */
  readonly root: string
  readonly platform: NodeJS.Platform
  readonly clock: Clock
  readonly logger: Logger
  /** Milliseconds between reads; a rate over more than three of them is not reported. */
  readonly intervalMs: number
  readonly allow: SensorAllowList
}

/** A sensor at work. Its reads never overlap: the caller starts one only after the one before has settled. */
export interface OpenSensor {
  /**
   * Measures once. Settles only when nothing of it is left running, or at `signal`'s abort where it can end what it started.
   * Throws when something is broken; the caller counts that and backs off.
   */
  read(signal: AbortSignal): Promise<Outcome>
  /** Gives back file descriptors, sockets, processes. Idempotent. */
  close(): void | Promise<void>
}

/**
 * A kind of sensor. `P` is what its parameters parse to. Declared with methods on purpose: a list of sensors of many kinds is
 * a list of `Sensor`, and whoever opens one passes what the same sensor's `parse` returned.
 */
export interface Sensor<P = unknown> {
  /** Stable name, as configurations use it. */
  readonly name: string
  readonly metrics: readonly MetricDescription[]
  /** What it needs beyond an unprivileged account; shown in the README. */
  readonly privileges: string
  /** Checks parameters as they stand in a configuration. Throws SENSOR_PARAMETERS with the path of the first mistake. */
  parse(parameters: unknown): P
  /** Makes the sensor ready. Does no I/O that could wait. */
  open(parameters: P, deps: SensorDeps): OpenSensor
}

/** Parses with a schema; throws SENSOR_PARAMETERS naming sensor, path, what was found and what is expected. */
export function parseParameters<T>(sensor: string, schema: z.ZodMiniType<T>, parameters: unknown): T {
  const result = schema.safeParse(parameters ?? {})
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const path = issue?.path.join('.') ?? ''
  const found = JSON.stringify(valueAt(parameters, issue?.path ?? [])) ?? 'nothing'
  const unknownKeys = issue?.code === 'unrecognized_keys' ? `unknown ${issue.keys.join(', ')}` : undefined
  throw new LanistaError(
    'SENSOR_PARAMETERS',
    `correct the parameters of sensor ${sensor}${path && ` at ${path}`}: found ${unknownKeys ?? found.slice(0, 80)}, expected ${expectation(issue)}`,
    { data: { sensor, path } },
  )
}

function expectation(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code === 'unrecognized_keys') return 'known keys only'
  if (issue?.code === 'invalid_type') return issue.expected
  if (issue?.code === 'invalid_value') return `one of ${issue.values.join(', ')}`
  if (issue?.code === 'too_small') return `at least ${issue.minimum}`
  if (issue?.code === 'too_big') return `at most ${issue.maximum}`
  return issue?.message ?? 'another shape'
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], value)
}
