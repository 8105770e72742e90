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
import { perSource } from './per-source.ts'
import { labelsOf, type Reading, type ReadingSource } from './reading.ts'

/** The NaN that means "gone stale" (prometheus/prometheus:model/value/value.go). */
const staleMarker = Buffer.from('020000000000f07f', 'hex')

/** Encodes the message for these readings. */
export function writeRequests(): (readings: readonly Reading[]) => Uint8Array {
  const labels = perSource(labelFields)
  return (readings) => {
    const bySeries = new Map<string, Reading[]>()
    for (const reading of readings) {
      const those = bySeries.get(reading.source.key)
      if (those) those.push(reading)
      else bySeries.set(reading.source.key, [reading])
    }
    return Buffer.concat([...bySeries.values()].flatMap((those) => timeSeries(labels, those)))
  }
}

/** The labels of a series, `__name__` among them, as they are sent. */
export function promLabels(source: ReadingSource): readonly (readonly [string, string])[] {
  const labels = new Map([['__name__', metricName(source.series.name)]])
  for (const [key, value] of labelsOf(source)) labels.set(freeName(labels, labelName(key)), value)
  return [...labels].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** The header of the field, then the series in pieces. */
function timeSeries(labels: (source: ReadingSource) => Uint8Array, readings: Reading[]): Uint8Array[] {
  const { source } = readings[0] as Reading
  if (readings.length > 1) readings.sort((a, b) => a.timestampMs - b.timestampMs)
  const pieces = [labels(source), ...readings.map(sampleField)]
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
  return [header(1, length), ...pieces]
}

function labelFields(source: ReadingSource): Uint8Array {
  return Buffer.concat(
    promLabels(source).map(([name, value]) => field(1, Buffer.concat([text(1, name), text(2, value)]))),
  )
}

/** Field 2 of a series: at most 2 + 9 + 1 + 10 bytes. */
function sampleField({ value, timestampMs }: Reading): Uint8Array {
  const bytes = Buffer.allocUnsafe(22)
  bytes[0] = (2 << 3) | 2
  bytes[2] = (1 << 3) | 1
  if (value === null) bytes.set(staleMarker, 3)
  else bytes.writeDoubleLE(value, 3)
  bytes[11] = 2 << 3
  const end = writeVarint(bytes, 12, Math.floor(timestampMs))
  bytes[1] = end - 2
  return bytes.subarray(0, end)
}

function text(number: number, value: string): Buffer {
  return field(number, Buffer.from(value))
}

/** A field with a length: wire type 2. */
function field(number: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([header(number, bytes.length), bytes])
}

function header(number: number, length: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(11)
  bytes[0] = (number << 3) | 2
  return bytes.subarray(0, writeVarint(bytes, 1, length))
}

/** A negative number takes ten bytes, as an int64 does. Returns where it ends. */
function writeVarint(bytes: Buffer, at: number, value: number): number {
  let end = at
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 0xffff_ffffn; rest >>= 7n) bytes[end++] = Number(rest & 0x7fn) | 0x80
  let small = Number(rest)
  for (; small >= 0x80; small = Math.floor(small / 128)) bytes[end++] = (small & 0x7f) | 0x80
  bytes[end++] = small
  return end
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
