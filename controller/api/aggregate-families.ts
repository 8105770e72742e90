import type { AggregateCounters } from '#controller/aggregate/aggregate-part.ts'
import { counter, gauge, labelled } from './family.ts'
import type { MetricFamily } from './open-metrics.ts'

/** Monitors over all clouds, and the sets that agents are sent. */
export function aggregateFamilies(aggregate: AggregateCounters): MetricFamily[] {
  const { recorder } = aggregate
  return [
    gauge('monitors_generation', undefined, 'The set of monitors that agents should compute.', aggregate.generation),
    gauge('monitors_behind', undefined, 'Hosts that are there and compute another set.', aggregate.behind),
    counter('monitors_sent', 'Messages that told agents what to compute.', aggregate.setsSent),
    counter('merged_heard', 'Merged partials of clouds.', aggregate.heard),
    labelled('counter', 'merged_refused', 'Those not taken, by reason.', 'reason', aggregate.refused),
    counter('merged_missed', 'Times that a cloud had not spoken of a window in time.', aggregate.missed),
    counter('results_published', 'Windows of cross-cloud monitors published.', aggregate.published),
    counter('results_revised', 'Those published again with another value.', aggregate.revised),
    counter('results_not_published', 'Results that the bus did not take.', aggregate.notPublished),
    gauge('results_waiting', undefined, 'Samples for an agent of home to keep, on their way.', recorder.waiting),
    labelled('counter', 'results_recorded', 'Those samples by what became of them.', 'outcome', {
      recorded: recorder.recorded,
      refused: recorder.refused,
      dropped: recorder.dropped,
    }),
    counter('results_record_retries', 'Messages of such samples sent again.', recorder.retries),
  ]
}
