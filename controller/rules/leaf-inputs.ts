/** Results of monitors as inputs of rules. */
import type { MonitorResult } from '#protocol/monitors/model.ts'
import type { ConditionSource } from './condition-source.ts'
import type { ConditionReading, LeafInput } from './decision.ts'
import type { LeafFacts } from './leaf-facts.ts'

/** The end of the window that a monitor should have a result for at `nowMs`. */
export function dueWindow({ everyMs }: Pick<LeafFacts, 'everyMs'>, nowMs: number): number {
  return Math.floor(nowMs / everyMs) * everyMs
}

/** A leaf at `nowMs`. A monitor of several groups is no condition: unknown. */
export function leafInput(
  application: string,
  monitor: string,
  { everyMs, upstream, components }: LeafFacts,
  source: Pick<ConditionSource, 'newest'>,
  nowMs: number,
): LeafInput {
  const gaps = upstream.filter((name) => source.newest(application, name, nowMs).some(isPartial))
  return { reading: readingOf(source.newest(application, monitor, nowMs)), everyMs, gaps, components }
}

function readingOf(results: readonly MonitorResult[]): ConditionReading | undefined {
  const [first] = results
  if (!first) return undefined
  return {
    value: results.length === 1 ? first.value : null,
    windowEndMs: first.windowEndMs,
    known: results.reduce((sum, { known }) => sum + known, 0),
    expected: results.reduce((sum, { expected }) => sum + expected, 0),
    gaps: results.reduce((sum, { gaps = 0 }) => sum + gaps, 0),
  }
}

function isPartial({ value, known, expected, gaps = 0 }: MonitorResult): boolean {
  return value === null || known < expected || gaps > 0
}
