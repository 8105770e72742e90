/**
 * Measures the codec: bytes a point on a trace of a real host, and points a second for kinds of series. Run it bundled or with
 * plain Node: vitest turns imports into getter calls, which costs tight loops most of their speed.
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { BlockDecoder } from './decoder.ts'
import { BlockEncoder } from './encoder.ts'
import type { ValueCodec } from './format.ts'
import { decodeHeader } from './header-reader.ts'

/** The samples of one series. */
export interface BenchSeries {
  readonly name: string
  readonly timestampsMs: Float64Array
  readonly values: Float64Array
}

/** What blocks of some series take, all headers and checksums included. */
export interface Size {
  readonly blocks: number
  readonly points: number
  readonly bytes: number
  readonly bytesPerPoint: number
}

/** Sizes of a trace in blocks of one length. */
export interface TraceSizes {
  readonly samplesPerBlock: number
  readonly all: Size
  /** By what a whole series is: never changing, never falling, anything else. */
  readonly kinds: Readonly<Record<'constant' | 'counter' | 'gauge', Size>>
  readonly codecs: Readonly<Record<ValueCodec, Size>>
  /** Bytes of the headers and checksums, part of `all`. */
  readonly headerBytes: number
}

/**
 * Reads gzipped carbon lines in time order (`name value epochSeconds`).
 * @param everySeconds keeps the lines whose time is a multiple of this after the first; 1 keeps all
 */
export function readTrace(path: string, everySeconds: number): BenchSeries[] {
  const lists = new Map<string, { timestampsMs: number[]; values: number[] }>()
  let firstSeconds: number | undefined
  for (const line of gunzipSync(readFileSync(path)).toString().split('\n')) {
    const [name, value, seconds] = line.split(' ')
    if (name === undefined || value === undefined || seconds === undefined) continue
    firstSeconds ??= Number(seconds)
    if ((Number(seconds) - firstSeconds) % everySeconds !== 0) continue
    const list = lists.get(name) ?? { timestampsMs: [], values: [] }
    lists.set(name, list)
    list.timestampsMs.push(Number(seconds) * 1000)
    list.values.push(Number(value))
  }
  return [...lists].map(([name, list]) => ({
    name,
    timestampsMs: Float64Array.from(list.timestampsMs),
    values: Float64Array.from(list.values),
  }))
}

/** Seals every series in blocks of `samplesPerBlock` and adds up what they take. */
export function measureTrace(series: readonly BenchSeries[], samplesPerBlock: number): TraceSizes {
  const encoder = new BlockEncoder(samplesPerBlock)
  const all = new Total()
  const kinds = { constant: new Total(), counter: new Total(), gauge: new Total() }
  const codecs = { constant: new Total(), integer: new Total(), xor: new Total() }
  let headerBytes = 0
  for (const { timestampsMs, values } of series) {
    const kind = kindOf(values)
    for (let start = 0; start < values.length; start += samplesPerBlock) {
      const count = Math.min(samplesPerBlock, values.length - start)
      const block = encoder.encode(timestampsMs, values, start, count)
      const header = decodeHeader(block)
      headerBytes += header.payloadOffset + 4
      for (const total of [all, kinds[kind], codecs[header.valueCodec]]) total.add(count, block.length)
    }
  }
  return { samplesPerBlock, all, kinds, codecs, headerBytes }
}

class Total implements Size {
  blocks = 0
  points = 0
  bytes = 0

  get bytesPerPoint(): number {
    return this.points === 0 ? 0 : this.bytes / this.points
  }

  add(points: number, bytes: number): void {
    this.blocks++
    this.points += points
    this.bytes += bytes
  }
}

function kindOf(values: Float64Array): 'constant' | 'counter' | 'gauge' {
  if (values.every((value) => value === values[0])) return 'constant'
  return values.every((value, i) => i === 0 || value >= (values[i - 1] as number)) ? 'counter' : 'gauge'
}

/** Kinds of series to measure the speed with. */
export const kinds = ['constant', 'idle', 'line', 'counter', 'gauge', 'double', 'jitter'] as const
export type Kind = (typeof kinds)[number]

/** `points` samples of a made-up series, the same at each call. */
export function makeSeries(kind: Kind, points: number): BenchSeries {
  const random = generator()
  const timestampsMs = new Float64Array(points)
  const values = new Float64Array(points)
  let sum = 1000
  for (let i = 0; i < points; i++) {
    timestampsMs[i] = 1.7e12 + i * 10_000 + (kind === 'jitter' ? Math.floor(random() * 20) : 0)
    if (kind === 'constant') values[i] = 4096
    else if (kind === 'idle') values[i] = random() < 0.02 ? (sum += Math.floor(random() * 50)) : sum
    else if (kind === 'counter') values[i] = sum += Math.floor(random() * 1000)
    else if (kind === 'gauge') values[i] = Math.round(5000 + 2000 * random()) / 100
    else if (kind === 'double') values[i] = 100 * random() * random()
    else values[i] = sum += 50
  }
  return { name: kind, timestampsMs, values }
}

/** Numerical Recipes' linear congruential generator: reproducible, and good enough for test data. */
function generator(): () => number {
  let state = 7
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 4_294_967_296
  }
}

/** Both directions over one series, to be timed by the caller: each call handles `points` samples. */
export interface Race {
  readonly points: number
  readonly bytes: number
  readonly encode: () => void
  readonly decode: () => void
}

/** Prepares to seal and open a series in blocks of `samplesPerBlock`; samples beyond the last whole block are left out. */
export function prepareRace({ timestampsMs, values }: BenchSeries, samplesPerBlock: number): Race {
  const encoder = new BlockEncoder(samplesPerBlock)
  const decoder = new BlockDecoder()
  const timestampsOut = new Float64Array(samplesPerBlock)
  const valuesOut = new Float64Array(samplesPerBlock)
  const blocks: Uint8Array[] = []
  for (let start = 0; start + samplesPerBlock <= values.length; start += samplesPerBlock) {
    blocks.push(encoder.encode(timestampsMs, values, start, samplesPerBlock))
  }
  return {
    points: blocks.length * samplesPerBlock,
    bytes: blocks.reduce((sum, block) => sum + block.length, 0),
    encode: () => blocks.forEach((_, i) => encoder.encode(timestampsMs, values, i * samplesPerBlock, samplesPerBlock)),
    decode: () => blocks.forEach((block) => decoder.decode(block, timestampsOut, valuesOut)),
  }
}

/** Points a second of CPU time (not of wall time, so that a busy machine matters less), best of five after a warm-up. */
export function measureSpeed(work: () => void, points: number): number {
  for (let i = 0; i < 20; i++) work()
  let best = 0
  for (let round = 0; round < 5; round++) {
    const start = cpuSeconds()
    let passed = 0
    let calls = 0
    for (; passed < 0.1; passed = cpuSeconds() - start) {
      work()
      calls++
    }
    best = Math.max(best, (calls * points) / passed)
  }
  return best
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
