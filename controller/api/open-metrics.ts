/**
 * OpenMetrics 1.0 text (https://prometheus.io/docs/specs/om/open_metrics_spec/): per family TYPE, UNIT, HELP, then its samples,
 * families never interleaved, `# EOF` at the end. A counter's family has no `_total`, its samples have.
 */
import assert from 'node:assert'

export interface MetricFamily {
  /** `[a-zA-Z_:][a-zA-Z0-9_:]*`, without `_total`; ends in `_<unit>` when it has one. */
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'info'
  readonly unit?: string | undefined
  readonly help: string
  readonly samples: readonly MetricSample[]
}

export interface MetricSample {
  /** Empty values are left out: the format means the same by both. */
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** Finite. */
  readonly value: number
}

export const openMetricsType = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const labelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/

/** The text of the families; asserts that names fit, since they are the programmer's. */
export function formatOpenMetrics(families: readonly MetricFamily[]): string {
  return `${families.map(familyText).join('')}# EOF\n`
}

function familyText({ name, type, unit, help, samples }: MetricFamily): string {
  assert(metricName.test(name) && (unit === undefined || name.endsWith(`_${unit}`)), `metric family ${name}`)
  const suffix = type === 'counter' ? '_total' : type === 'info' ? '_info' : ''
  const head = [
    `# TYPE ${name} ${type}`,
    ...(unit ? [`# UNIT ${name} ${unit}`] : []),
    `# HELP ${name} ${escaped(help)}`,
  ]
  return [...head, ...samples.map((sample) => `${name}${suffix}${labelsText(sample.labels)} ${sample.value}`), ''].join(
    '\n',
  )
}

function labelsText(labels: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(labels).filter(([, value]) => value !== '')
  for (const [name] of pairs) assert(labelName.test(name), `label ${name}`)
  return pairs.length === 0 ? '' : `{${pairs.map(([name, value]) => `${name}="${escaped(value)}"`).join(',')}}`
}

function escaped(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"')
}
