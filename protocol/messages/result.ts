/** The body of `metric.<name>` where a monitor's result of a whole cloud, or of all clouds, is published: a metric message that says more. */
import type { MonitorResult } from '#protocol/monitors/model.ts'
import type { Aggregator } from '#protocol/monitors/published.ts'
import type { MetricMessage } from './metric.ts'

/** Readers of plain metrics pass over what they do not know; an unknown value is `null` here and nothing in a store. */
export interface ResultMessage extends Omit<MetricMessage, 'v'> {
  /** Null = unknown. */
  readonly v: number | null
  /** Who computed it: a host token and its session. */
  readonly by: string
  readonly session: number
  /** Inputs with a known value, and inputs there should be. */
  readonly known: number
  readonly expected: number
  /** Higher each time the same window is published again with another value. */
  readonly revision: number
}

/** The message for one result. */
export function resultMessage(
  { windowEndMs, value, tags, known, expected, revision }: MonitorResult,
  by: Aggregator,
  unit?: string,
): ResultMessage {
  return {
    t: windowEndMs,
    v: value,
    ...(unit === undefined ? {} : { unit }),
    ...(Object.keys(tags).length > 0 ? { tags } : {}),
    by: by.host,
    session: by.session,
    known,
    expected,
    revision,
  }
}

/**
 * The metric under which an aggregator records the coverage of a window beside its results, 0 to 1, with the tag `scope=cloud`: where it is
 * below 1, or was before. A window without has the coverage 1.
 */
export function coverageMetric(application: string, monitor: string): string {
  return `coverage.${application}.${monitor}`
}
