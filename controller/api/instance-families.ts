import type { Fleet } from '#controller/instances/fleet.ts'
import type { InstanceCounters } from '#controller/instances/instance-service.ts'
import { instanceViews, shownInstanceStates } from '#controller/instances/instance-view.ts'
import { counter, gauge, labelled } from './family.ts'
import type { MetricFamily } from './open-metrics.ts'

export interface InstancesSource {
  readonly fleet: Fleet
  readonly counters: InstanceCounters
}

/** What is wanted of all components, what is seen of it, and what was done about it. */
export function instanceFamilies({ fleet, counters }: InstancesSource): MetricFamily[] {
  const seen = Object.fromEntries(shownInstanceStates.map((state): [string, number] => [state, 0]))
  for (const { state } of instanceViews(fleet, undefined)) seen[state] = (seen[state] ?? 0) + 1
  const wanted = fleet.components.reduce((sum, component) => sum + component.wanted, 0)
  return [
    gauge('instances_wanted', undefined, 'Instances wanted of all components.', wanted),
    labelled('gauge', 'instances', 'Instances by state, those that go included.', 'state', seen),
    counter('instances_made', 'Instances placed on a host.', counters.created),
    counter('instance_rounds', 'Looks at what is wanted and what is there.', counters.rounds),
    counter('instance_orders', 'Orders given to make the two the same.', counters.ordered),
    counter(
      'instance_failures',
      'Orders that could not be given, and rounds that could not be written.',
      counters.failed,
    ),
  ]
}
