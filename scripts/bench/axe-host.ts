/** Host monitors a second on one core: one monitor over 300 series, and 300 monitors over one series each, from a real store. */

import { monitorBodies, Stage, type StageHost, startMs } from '#agent/aggregate/aggregate-stage.ts'
import { printTable, type Row } from './report.ts'

const series = 300
const rounds = 40
const windowMinutes = [1, 5, 60]

/** Prints how many windows a second are read, computed and recorded, and what 300 monitors every 15 s take of a core. */
export async function benchAxeHost(): Promise<void> {
  const rows: Row[] = []
  for (const minutes of windowMinutes) {
    rows.push(await measure(`1 monitor, ${series} series`, minutes, { m: monitor('cpu.*.usage', minutes) }))
    const many = Object.fromEntries(
      Array.from({ length: series }, (_, i) => [`m${i}`, monitor(`cpu.c${i}.usage`, minutes)]),
    )
    rows.push(await measure(`${series} monitors, 1 series each`, minutes, many))
  }
  printTable('Host monitors, mean, samples every 10 s', rows)
}

function monitor(of: string, minutes: number): object {
  return { of, function: 'mean', window: `${minutes}m`, every: '15s' }
}

async function measure(what: string, minutes: number, monitors: object): Promise<Row> {
  await using stage = new Stage()
  const host = await stage.host('a')
  for (let s = -60 * minutes; s < 0; s += 10) feed(host, s)
  for (const body of monitorBodies(1, monitors)) host.aggregate.hear(body)
  await stage.advance(20_000)
  const before = host.aggregate.counts.results
  const cpu = process.cpuUsage()
  for (let round = 0; round < rounds; round++) {
    feed(host, 20 + round * 15)
    await stage.advance(15_000, 15_000)
  }
  const { user, system } = process.cpuUsage(cpu)
  const results = host.aggregate.counts.results - before
  const microseconds = (user + system) / results
  return {
    what,
    'window min': String(minutes),
    'results/s': Math.round(1e6 / microseconds).toLocaleString('en'),
    'CPU µs a result': microseconds.toFixed(1),
    '% of a core, 300 every 15 s': ((microseconds * series) / 15e4).toFixed(2),
  }
}

function feed(host: StageHost, seconds: number): void {
  for (let i = 0; i < series; i++) host.append(`cpu.c${i}.usage`, startMs + seconds * 1_000, (i * 7 + seconds) % 100)
}
