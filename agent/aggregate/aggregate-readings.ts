import type { MetricDescription, Reading } from '#sensors/sensor.ts'
import type { AggregateCounts } from './counts.ts'

const described: readonly (readonly [name: string, unit: string, kind: 'gauge' | 'counter', meaning: string])[] = [
  ['agent.aggregate.monitors', 'count', 'gauge', 'monitors in force'],
  ['agent.aggregate.cloud_monitors', 'count', 'gauge', 'monitors that this agent computes for its cloud'],
  ['agent.aggregate.windows', 'count', 'counter', 'windows of monitors evaluated on this host'],
  ['agent.aggregate.skipped', 'count', 'counter', 'windows never evaluated: too many to make up for after a pause'],
  ['agent.aggregate.results', 'samples', 'counter', 'results recorded'],
  ['agent.aggregate.partials_out', 'messages', 'counter', 'partials sent, merged ones included'],
  ['agent.aggregate.partials_in', 'messages', 'counter', 'partials of peers heard'],
  ['agent.aggregate.partial_bytes', 'bytes', 'counter', 'bytes of partials sent'],
  ['agent.aggregate.late', 'messages', 'counter', 'partials of windows that were closed already'],
  ['agent.aggregate.take_overs', 'count', 'counter', 'monitors of the cloud taken over from another agent'],
  ['agent.aggregate.recomputed', 'count', 'counter', 'windows published again with another value'],
  ['agent.aggregate.asked', 'messages', 'counter', 'peers asked for partials that were missing'],
  ['agent.aggregate.answered', 'messages', 'counter', 'such questions of peers answered'],
  ['agent.aggregate.busy', 'seconds', 'counter', 'time spent on evaluating windows, reading included'],
]

const refusedName = 'agent.aggregate.refused'

/** What an agent counts about its monitors. */
export const aggregateMetrics: readonly MetricDescription[] = [
  ...described.map(([name, unit, kind, meaning]) => ({ name, unit, kind, meaning, tags: [] })),
  {
    name: refusedName,
    unit: 'count',
    kind: 'counter',
    meaning: 'monitors, results, windows and messages not taken',
    tags: ['reason'],
  },
]

const units = new Map(described.map(([name, unit]) => [name, unit]))

/** Readings of these metrics: none before the first monitor, and no refusals that are still zero. */
export function aggregateReadings(counts: AggregateCounts): Reading[] {
  const reading = (name: string, value: number): Reading => ({ name, value, unit: units.get(name) })
  const refused = [...counts.refused, ...[...counts.partialsRefused].map(inSnakeCase)].map(([reason, count]) => {
    return { name: refusedName, value: count, unit: 'count', tags: { reason } }
  })
  if (counts.monitors === 0 && counts.windows === 0) return refused
  return [
    reading('agent.aggregate.monitors', counts.monitors),
    reading('agent.aggregate.cloud_monitors', counts.cloudMonitors),
    reading('agent.aggregate.windows', counts.windows),
    reading('agent.aggregate.skipped', counts.skipped),
    reading('agent.aggregate.results', counts.results),
    reading('agent.aggregate.partials_out', counts.partialsOut),
    reading('agent.aggregate.partials_in', counts.partialsIn),
    reading('agent.aggregate.partial_bytes', counts.partialBytes),
    reading('agent.aggregate.late', counts.late),
    reading('agent.aggregate.take_overs', counts.takeOvers),
    reading('agent.aggregate.recomputed', counts.recomputed),
    reading('agent.aggregate.asked', counts.asked),
    reading('agent.aggregate.answered', counts.answered),
    reading('agent.aggregate.busy', counts.busyMs / 1_000),
    ...refused,
  ]
}

/** As a tag: `otherPlan` is `other_plan`. */
function inSnakeCase([reason, count]: readonly [string, number]): [string, number] {
  return [reason.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), count]
}
