import type { ResultSink } from '#controller/rules/result-sink.ts'

/** A sink whose samples others take too, in this order. */
export function alsoRecorded(...sinks: readonly ResultSink[]): ResultSink {
  return {
    record: (samples) => {
      for (const sink of sinks) sink.record(samples)
    },
  }
}
