import { formatSeries } from '#protocol/metrics/series.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { openLogger } from '#protocol/runtime/logger.ts'
import { Collector } from '#sensors/collector.ts'
import type { Reading } from '#sensors/sensor.ts'
import type { AgentConfig } from '../config.ts'
import { sensorList } from '../sensor-list.ts'

/** Rates need two readings: the second round comes this long after the first, ms. */
const intervalMs = 1000
const deadlineMs = 10_000

/** Reads every sensor twice, a second apart, and prints the newest value of each series. Nothing is stored or sent. */
export async function testSensors(config: AgentConfig, json: boolean): Promise<number> {
  const newest = new Map<string, Reading>()
  const onReadings = (_: string, __: number, readings: readonly Reading[]): void => {
    for (const reading of readings) newest.set(formatSeries({ name: reading.name, tags: reading.tags ?? {} }), reading)
  }
  const deps = { clock: systemClock, logger: openLogger(config.log), onReadings }
  const collector = new Collector({ allow: config.allow, healthIntervalMs: 0 }, deps)
  const list = sensorList({ ...config, sensorIntervalMs: intervalMs }).map((entry) => ({ ...entry, intervalMs }))
  try {
    collector.configure(list)
    await collector.firstRound(AbortSignal.timeout(deadlineMs))
    await systemClock.sleep(intervalMs + intervalMs / 2, AbortSignal.timeout(deadlineMs))
  } finally {
    await collector.close()
  }
  const sorted = [...newest].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const line of json ? jsonLines(sorted) : readingLines(sorted)) process.stdout.write(`${line}\n`)
  return 0
}

/** A series as text, and its reading. */
type NamedReading = readonly [series: string, reading: Reading]

function jsonLines(readings: readonly NamedReading[]): string[] {
  return readings.map(([, { name, tags = {}, value, unit }]) => JSON.stringify({ name, tags, value, unit }))
}

/** For people: series, value to six digits, unit; aligned. */
export function readingLines(readings: readonly NamedReading[]): string[] {
  const rows = readings.map(([series, { value, unit }]) => ({
    series,
    figure: Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6))),
    unit: unit ?? '',
  }))
  const seriesWidth = Math.max(0, ...rows.map((row) => row.series.length))
  const figureWidth = Math.max(0, ...rows.map((row) => row.figure.length))
  return rows.map(({ series, figure, unit }) =>
    `${series.padEnd(seriesWidth)}  ${figure.padStart(figureWidth)}  ${unit}`.trimEnd(),
  )
}
