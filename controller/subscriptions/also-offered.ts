import type { ResultSample, ResultSink } from '#controller/rules/result-sink.ts'
import type { OfferedResult } from './reading.ts'

/** A sink of results whose samples subscribers hear too, before the sink behind it takes them. */
export function alsoOffered(
  tenant: string,
  subscriptions: { offer(result: OfferedResult): void },
  behind: ResultSink,
): ResultSink {
  return {
    record: (samples: readonly ResultSample[]) => {
      for (const { name, tags, timestampMs, value, unit } of samples) {
        subscriptions.offer({ tenant, series: { name, tags }, timestampMs, value, unit })
      }
      behind.record(samples)
    },
  }
}
