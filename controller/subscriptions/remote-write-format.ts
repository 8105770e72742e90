/**
 * A request of Prometheus remote write 1.0 (prometheus.io/docs/specs/prw/remote_write_spec): protobuf, before snappy.
 *
 *   WriteRequest { repeated TimeSeries timeseries = 1 }
 *   TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2 }
 *   Label        { string name = 1; string value = 2 }
 *   Sample       { double value = 1; int64 timestamp = 2 }   // ms
 *
 * Labels are sorted by name, samples of a series by time. Names: whatever is not `[a-zA-Z0-9_]` (`:` too in metric names) becomes `_`, a
 * first digit gets a `_` before it, a label that begins with `__` (theirs alone) gets `tag` before it, and of two labels that become
 * one the later gets `_2`. An unknown value is the staleness marker: from there on the series has no value.
 */
import { labelsOf, type Reading, type ReadingSource } from './reading.ts'

/** The NaN that means "gone stale" (prometheus/prometheus:model/value/value.go). */
const staleMarker = Buffer.from('020000000000f07f', 'hex')

/** The message for these readings. */
export function encodeWriteRequest(readings: readonly Reading[]): Uint8Array {
  const bySeries = new Map<string, Reading[]>()
  for (const reading of readings) {
    const those = bySeries.get(reading.source.key)
    if (those) those.push(reading)
    else bySeries.set(reading.source.key, [reading])
  }
  return Buffer.concat([...bySeries.values()].map((those) => field(1, timeSeries(those))))
}

/** The labels of a series, `__name__` among them, as they are sent. */
export function promLabels(source: ReadingSource): readonly (readonly [string, string])[] {
  const labels = new Map([['__name__', metricName(source.series.name)]])
  for (const [key, value] of labelsOf(source)) labels.set(freeName(labels, labelName(key)), value)
  return [...labels].sort(([a], [b]) => (a < b ? -1 : 1))
}

function timeSeries(readings: readonly Reading[]): Buffer {
  const { source } = readings[0] as Reading
  const samples = readings.toSorted((a, b) => a.timestampMs - b.timestampMs)
  return Buffer.concat([
    ...promLabels(source).map(([name, value]) => field(1, Buffer.concat([text(1, name), text(2, value)]))),
    ...samples.map((reading) => field(2, sample(reading))),
  ])
}

function sample({ value, timestampMs }: Reading): Buffer {
  const double = Buffer.allocUnsafe(9)
  double[0] = (1 << 3) | 1
  if (value === null) double.set(staleMarker, 1)
  else double.writeDoubleLE(value, 1)
  return Buffer.concat([double, Buffer.from([2 << 3]), varint(BigInt.asUintN(64, BigInt(Math.floor(timestampMs))))])
}

function text(number: number, value: string): Buffer {
  return field(number, Buffer.from(value))
}

/** A field with a length: wire type 2. */
function field(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(BigInt(bytes.length)), bytes])
}

function varint(value: bigint): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}

function metricName(name: string): string {
  return name.replace(/[^a-zA-Z0-9_:]/g, '_').replace(/^\d/, '_$&')
}

function labelName(key: string): string {
  return key
    .replace(/[^a-zA-Z0-9_]/g, '_')
    .replace(/^\d/, '_$&')
    .replace(/^__/, 'tag__')
}

function freeName(taken: ReadonlyMap<string, string>, name: string): string {
  for (let n = 2; ; n++) {
    const candidate = n === 2 && !taken.has(name) ? name : `${name}_${n}`
    if (!taken.has(candidate)) return candidate
  }
}
