/** Families of the controller's own metrics, each `lanista_controller_<name>`. */
import type { MetricFamily, MetricSample } from './open-metrics.ts'

/** A count that only grows. */
export function counter(name: string, help: string, value: number): MetricFamily {
  return family('counter', name, undefined, help, [{ value }])
}

/** A value of now. */
export function gauge(name: string, unit: string | undefined, help: string, value: number): MetricFamily {
  return family('gauge', name, unit, help, [{ value }])
}

/** A text as labels. */
export function info(name: string, help: string, labels: Readonly<Record<string, string>>): MetricFamily {
  return family('info', name, undefined, help, [{ labels, value: 1 }])
}

/** Several values of one family, told apart by a label. */
export function labelled(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  label: string,
  values: Readonly<Record<string, number>>,
): MetricFamily {
  const samples = Object.entries(values).map(([key, value]) => ({ labels: { [label]: key }, value }))
  return family(type, name, undefined, help, samples)
}

function family(
  type: MetricFamily['type'],
  name: string,
  unit: string | undefined,
  help: string,
  samples: readonly MetricSample[],
): MetricFamily {
  return { name: `lanista_controller_${name}`, type, unit, help, samples }
}
