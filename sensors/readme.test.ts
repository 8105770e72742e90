import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { instanceMetrics } from './instance-usage.ts'
import { defaultSensorNames, sensors } from './registry.ts'
import type { MetricDescription } from './sensor.ts'
import { healthMetrics } from './sensor-health.ts'

const lines = readFileSync(new URL('README.md', import.meta.url), 'utf8').split('\n')

/** Cells of the table whose heading row starts with these two, without heading. */
function rowsUnder(first: string, second: string): string[][] {
  const cells = lines.map((line) =>
    line
      .split('|')
      .map((cell) => cell.trim())
      .slice(1, -1),
  )
  const from = cells.findIndex((row) => row[0] === first && row[1] === second) + 2
  return cells.slice(
    from,
    cells.findIndex((row, index) => index >= from && row.length === 0),
  )
}

function cells(sensor: string, { name, unit, kind, tags, meaning }: MetricDescription): string[] {
  return [`\`${name}\``, unit, kind, tags.map((tag) => `\`${tag}\``).join(', '), meaning, sensor]
}

it('README lists every metric of every sensor, as the sensors describe them', () => {
  const own = sensors.flatMap((sensor) => sensor.metrics.map((metric) => cells(sensor.name, metric)))
  const health = healthMetrics.map((metric) => cells('sensor-health', metric))
  const instance = instanceMetrics.map((metric) => cells('instance', metric))
  expect(rowsUnder('metric', 'unit')).toEqual([...own, ...health, ...instance])
})

it('README lists every sensor, whether it is on by default, and what it needs', () => {
  const listed = rowsUnder('sensor', 'default').map(([name, isDefault, , needs]) => [name, isDefault, needs])
  const known = sensors.map(({ name, privileges }) => [
    `\`${name}\``,
    defaultSensorNames.includes(name) ? 'yes' : '',
    privileges,
  ])
  expect(listed).toEqual(known)
})

it('no two sensors report the same metric', () => {
  const metrics = [...sensors.flatMap((sensor) => sensor.metrics), ...healthMetrics, ...instanceMetrics]
  const names = metrics.map((metric) => metric.name).filter((name) => name !== '*')
  expect(new Set(names).size).toBe(names.length)
})
