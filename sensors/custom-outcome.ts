/** Checks what a custom sensor returned before the rest of the agent sees it. */
import * as z from 'zod/mini'
import { LanistaError } from '#protocol/errors.ts'
import { formatSeries, parseSeries } from '#protocol/metrics/series.ts'
import type { MetricDescription, Outcome, Reading } from './sensor.ts'

/** Readings of one read; more are refused. */
const readingsMax = 1000

const readingSchema: z.ZodMiniType<Reading> = z.object({
  name: z.string(),
  tags: z.optional(z.record(z.string(), z.string())),
  value: z.number(),
  unit: z.optional(z.string()),
})
const outcomeSchema: z.ZodMiniType<Outcome> = z.union([
  z.array(readingSchema).check(z.maxLength(readingsMax)),
  z.object({ unavailable: z.string().check(z.maxLength(500)) }),
])

/**
 * The outcome, units filled in from the sensor's own descriptions.
 * @throws LanistaError CUSTOM_SENSOR_INVALID for a wrong shape, a metric the sensor did not describe, tags that no series can have
 */
export function checkCustomOutcome(value: unknown, metrics: readonly MetricDescription[]): Outcome {
  const result = outcomeSchema.safeParse(value)
  if (!result.success) {
    const issue = result.error.issues[0]
    throw invalidCustom(`${issue?.message} at ${issue?.path.join('.') || 'the top'}`)
  }
  if ('unavailable' in result.data) return result.data
  const units = new Map(metrics.map(({ name, unit }) => [name, unit]))
  return result.data.map((reading) => {
    const unit = units.get(reading.name)
    if (unit === undefined) throw invalidCustom(`the metric ${reading.name}, which the sensor does not describe`)
    if (typeof parseSeries(formatSeries({ name: reading.name, tags: reading.tags ?? {} })) === 'string') {
      throw invalidCustom(`tags of ${reading.name} that no series can have`)
    }
    return { ...reading, unit }
  })
}

/** The error of a custom sensor that breaks its contract. */
export function invalidCustom(found: string): LanistaError {
  return new LanistaError('CUSTOM_SENSOR_INVALID', `correct the custom sensor: found ${found}`)
}
