/**
 * The store's table of issue 3: ingest against VictoriaMetrics on the same core, bytes a point, reads, memory, restart. Needs `cc`, `taskset`
 * and, for the comparison, `victoria-metrics`; the generator and the harness are in `$SHARED_DIR/bench`.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { kinds, makeSeries, measureSpeed, prepareRace } from '#agent/store/block/block-bench.ts'
import { type MemoryFigures, measureAppend, measureOpen, measureRead, measureTrace } from '#agent/store/store-bench.ts'
import { firstLine, million, printTable, type Row } from './report.ts'

const compiler = process.env['CC'] ?? 'cc'
const pinned = 'taskset'
const shared = resolve(process.env['SHARED_DIR'] ?? '../shared')

/** What VictoriaMetrics keeps of the same trace, from `shared/traces/README.md`: data, and data with index. */
const traces = [
  { step: '1 s', everyMs: 1000, data: 0.31, withIndex: 0.42 },
  { step: '10 s', everyMs: 10_000, data: 1.39, withIndex: 2.47 },
]
const loads = [
  { series: 1000, steps: 8640 },
  { series: 100_000, steps: 60 },
]

export async function benchStore(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lanista-bench-store-'))
  try {
    await benchSizes(folder)
    benchCodecs()
    await benchAppends(folder)
    await benchReads(folder)
    await benchMemory(folder)
    await benchIngest(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function benchSizes(folder: string): Promise<void> {
  const lines = gunzipSync(readFileSync(join(shared, 'traces/host-1s.txt.gz')))
    .toString()
    .split('\n')
  const rows: Row[] = []
  for (const { step, everyMs, data, withIndex } of traces) {
    const { points, bytes_per_point: bytes } = await measureTrace(folder, lines, everyMs)
    rows.push({
      trace: `host, ${step}`,
      points,
      'bytes a point, all': bytes.toFixed(3),
      'VictoriaMetrics, data': data,
      'data + index': withIndex,
      ratio: (withIndex / bytes).toFixed(2),
    })
  }
  printTable('Store: size on disk after a flush', rows)
}

/** Points a second of CPU time, by what a series is like; aims: 50 M encoded, 100 M decoded. */
function benchCodecs(): void {
  const rows = kinds.map((kind) => {
    const race = prepareRace(makeSeries(kind, 180_000), 360)
    return {
      series: kind,
      'bytes a point': (race.bytes / race.points).toFixed(3),
      'encoded/s': million(measureSpeed(race.encode, race.points)),
      'decoded/s': million(measureSpeed(race.decode, race.points)),
    }
  })
  printTable('Store: blocks of 360 points', rows)
}

async function benchAppends(folder: string): Promise<void> {
  const rows: Row[] = []
  for (const { series, steps } of [
    { series: 1000, steps: 4000 },
    { series: 100_000, steps: 40 },
  ]) {
    const { samples, samplesASecond, cpuMicrosASample } = await measureAppend(folder, series, steps)
    rows.push({ series, samples, 'samples/s': million(samplesASecond), 'CPU us a sample': cpuMicrosASample.toFixed(2) })
  }
  printTable('Store: appended, journaled and sealed in process, load made in the same thread', rows)
}

async function benchReads(folder: string): Promise<void> {
  const rows = (await measureRead(folder, 50)).map(({ series, samples, p50Ms, p99Ms }) => ({
    read: `24 h of ${series} at 10 s`,
    samples,
    'p50 ms': p50Ms,
    'p99 ms': p99Ms,
  }))
  printTable('Store: reads in process', rows)
}

async function benchMemory(folder: string): Promise<void> {
  const rows: Row[] = []
  for (const [series, steps] of [
    [1000, 60],
    [10_000, 20],
    [100_000, 5],
  ] as const) {
    const own = join(folder, `memory-${series}`)
    const filled = await fillInChild(own, series, steps)
    const opened = await measureOpen(own, () => true)
    rows.push({
      series,
      'samples in memory': filled.samples,
      'RSS MiB': filled.rssMiB,
      'of it before': filled.rssBeforeMiB,
      'bytes a series': filled.bytesASeries,
      'start after kill -9, ms': opened.openMs,
      'found again': opened.samples,
    })
    rmSync(own, { recursive: true, force: true })
  }
  printTable('Store: memory, and start after kill -9 with a full journal', rows)
}

/** Fills a store in a process of its own and kills it. */
async function fillInChild(folder: string, series: number, steps: number): Promise<MemoryFigures> {
  const args = ['--expose-gc', '--import', 'tsx', 'scripts/fill-store.ts', folder, `${series}`, `${steps}`]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const line = await firstLine(child.stdout)
  child.kill('SIGKILL')
  await once(child, 'exit')
  return JSON.parse(line) as MemoryFigures
}

async function benchIngest(folder: string): Promise<void> {
  execFileSync(compiler, ['-O2', '-o', join(folder, 'carbon-gen'), join(shared, 'bench/carbon-gen.c')])
  const rows: Row[] = []
  for (const { series, steps } of loads) {
    const own = await ingestAgent(folder, series, steps)
    const peer = existsSync('/usr/bin/victoria-metrics') ? ingest(folder, ['vm'], series, steps) : undefined
    rows.push({
      series,
      'lines/s stored': million(own.accepted_s),
      'CPU us a line': own.cpu_us_per_point.toFixed(2),
      'peak RSS MiB': own.peak_rss_mib,
      'read back after kill -9': own.found === series * steps ? 'all' : `${own.found} of ${series * steps}`,
      'VictoriaMetrics, lines/s': peer ? million(peer.stored_s) : 'not installed',
      'its CPU us': peer ? peer.cpu_us_per_point.toFixed(2) : '',
      'ratio by CPU': peer ? (peer.cpu_us_per_point / own.cpu_us_per_point).toFixed(2) : '',
    })
  }
  printTable('Carbon lines accepted and stored, one core', rows)
}

interface IngestFigures {
  readonly accepted_s: number
  readonly stored_s: number
  readonly cpu_us_per_point: number
  readonly peak_rss_mib: number
}

/** Starts an agent, feeds it, waits a commit interval, kills it, counts what is there. */
async function ingestAgent(folder: string, series: number, steps: number): Promise<IngestFigures & { found: number }> {
  const data = join(folder, `agent-${series}`)
  const config = join(folder, 'agent.json')
  const carbon = { host: '127.0.0.1', port: 0, fourFields: true }
  writeFileSync(
    config,
    JSON.stringify({ data, host: 'bench', broker: [], carbon, defaultSensors: false, seriesMax: 200_000 }),
  )
  const child = spawn(pinned, ['-c', '0', process.execPath, 'dist/agent.mjs', 'run', '--config', config, '--json'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const ready = JSON.parse(await firstLine(child.stdout)) as { carbon: string; pid: number }
  const port = ready.carbon.split(':')[1] ?? ''
  const figures = ingest(folder, ['external', '--port', port, '--pid', String(ready.pid)], series, steps)
  await new Promise((wake) => setTimeout(wake, 500))
  child.kill('SIGKILL')
  await once(child, 'exit')
  const { samples } = await measureOpen(join(data, 'store'), ({ name }) => name.startsWith('agents.'))
  rmSync(data, { recursive: true, force: true })
  return { ...figures, found: samples }
}

function ingest(folder: string, peer: readonly string[], series: number, steps: number): IngestFigures {
  const args = [
    join(shared, 'bench/ingest.mjs'),
    ...peer,
    '--series',
    `${series}`,
    '--steps',
    `${steps}`,
    '--reps',
    '1',
  ]
  const output = execFileSync(process.execPath, args, { env: { ...process.env, BENCH_DIR: folder } }).toString()
  return JSON.parse(output.split('\n')[0] ?? '{}') as IngestFigures
}
