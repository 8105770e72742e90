/**
 * Reads of 24 h at 10 s through the whole path, HTTP to HTTP: controller, broker, agent's store and back, against VictoriaMetrics' export of the
 * same lines. Needs `victoria-metrics` for the comparison.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { anyFreePort } from '#controller/up/free-port.ts'
import { startFleet } from './fleet.ts'
import { printTable, quantile, type Row } from './report.ts'

const victoria = '/usr/bin/victoria-metrics'
const stepS = 10
const daySamples = 8640
const seriesCount = 100
const rounds = 40
const cases = [
  { what: '1 series', name: 'bench.read.s7', selector: '{__name__="bench.read.s7"}', samples: daySamples },
  {
    what: '100 series',
    name: 'bench.read.*',
    selector: '{__name__=~"bench.read.*"}',
    samples: daySamples * seriesCount,
  },
]

/** One way to ask. */
interface Reader {
  /** Reads a case whole; answers how many bytes it was. */
  read(of: (typeof cases)[number]): Promise<number>
}

export async function benchRead(): Promise<void> {
  const untilS = Math.floor(Date.now() / 1000 / stepS) * stepS
  const fromS = untilS - (daySamples - 1) * stepS
  await using fleet = await startFleet('embedded')
  const peer = existsSync(victoria) ? await startVictoria() : undefined
  try {
    for (const port of [portOf(fleet.ready.carbon[0] ?? ''), peer?.carbonPort]) {
      if (port !== undefined) await sendDay(port, fromS)
    }
    const ours = ourReader(fleet.ready, fromS, untilS)
    const theirs = peer && victoriaReader(peer.url, fromS, untilS)
    if (peer) await fetch(`${peer.url}/internal/force_flush`)
    await allStored(fleet.ready, fromS, untilS)
    const rows: Row[] = []
    for (const of of cases) rows.push(await compare(of, ours, theirs))
    printTable('Read 24 h at 10 s, HTTP to HTTP', rows)
  } finally {
    await peer?.stop()
  }
}

/** Asks both in turn, so that what else the machine does meets both. */
async function compare(of: (typeof cases)[number], ours: Reader, theirs: Reader | undefined): Promise<Row> {
  const times: [ours: number[], theirs: number[]] = [[], []]
  const bytes = [0, 0]
  for (let i = 0; i < rounds; i++) {
    for (const [which, reader] of [ours, theirs].entries()) {
      const start = performance.now()
      bytes[which] = (await reader?.read(of)) ?? 0
      if (i > 1) times[which as 0 | 1].push(performance.now() - start)
    }
  }
  const ms = (which: 0 | 1, q: number): string => quantile(times[which], q).toFixed(1)
  const row = {
    read: of.what,
    samples: of.samples,
    MB: (bytes[0] ?? 0) / 1e6,
    'p50 ms': ms(0, 0.5),
    'p99 ms': ms(0, 0.99),
  }
  if (!theirs) return row
  return {
    ...row,
    'VictoriaMetrics p50 ms': ms(1, 0.5),
    'p99 ms, its': ms(1, 0.99),
    ratio: (quantile(times[1], 0.5) / quantile(times[0], 0.5)).toFixed(2),
  }
}

function ourReader(
  { http, operator }: { http: string; operator: { password: string } },
  fromS: number,
  untilS: number,
): Reader {
  const headers = { authorization: `Bearer ${operator.password}` }
  return {
    read: async ({ name }) => {
      const range = `from=${fromS * 1000}&until=${untilS * 1000}`
      const response = await fetch(`${http}/api/v1/query?match=${encodeURIComponent(name)}&${range}`, { headers })
      return await bytesOf(response)
    },
  }
}

function victoriaReader(url: string, fromS: number, untilS: number): Reader {
  return {
    read: async ({ selector }) => {
      const range = `start=${fromS}&end=${untilS}`
      return await bytesOf(await fetch(`${url}/api/v1/export?match[]=${encodeURIComponent(selector)}&${range}`))
    },
  }
}

async function bytesOf(response: Response): Promise<number> {
  const { byteLength } = await response.arrayBuffer()
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`)
  return byteLength
}

/** Waits until the agent has taken every line. */
async function allStored(
  ready: { http: string; operator: { password: string } },
  fromS: number,
  untilS: number,
): Promise<void> {
  const headers = { authorization: `Bearer ${ready.operator.password}` }
  const url = `${ready.http}/api/v1/query?match=bench.read.*&function=count&from=${fromS * 1000}&until=${untilS * 1000}`
  for (;;) {
    const counts = (await (await fetch(url, { headers })).json()) as { value: number }[]
    if (counts.length === seriesCount && counts.every(({ value }) => value === daySamples)) return
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** Counters, gauges of two places and near-constants, time-major as a Graphite client sends them. */
async function sendDay(port: number, fromS: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  for (let i = 0; i < daySamples; i++) {
    let lines = ''
    for (let s = 0; s < seriesCount; s++) lines += `bench.read.s${s} ${valueOf(s, i)} ${fromS + i * stepS}\n`
    if (!socket.write(lines)) await once(socket, 'drain')
  }
  socket.end()
  socket.resume()
  await once(socket, 'close')
}

function valueOf(series: number, i: number): number {
  if (series % 3 === 0) return i * (series + 1)
  if (series % 3 === 1) return Math.round(5000 + 3000 * Math.sin(i / 50 + series) + ((i * 7919) % 100)) / 100
  return 40 + (i % 500 === 0 ? 1 : 0)
}

interface Victoria {
  readonly url: string
  readonly carbonPort: number
  stop(): Promise<void>
}

async function startVictoria(): Promise<Victoria> {
  const folder = mkdtempSync(join(tmpdir(), 'lanista-bench-vm-'))
  const [httpPort, carbonPort] = [await anyFreePort('127.0.0.1', 'http'), await anyFreePort('127.0.0.1', 'carbon')]
  const listen = [`-httpListenAddr=127.0.0.1:${httpPort}`, `-graphiteListenAddr=127.0.0.1:${carbonPort}`]
  const child = spawn(victoria, [...listen, `-storageDataPath=${folder}`, '-loggerLevel=ERROR'], { stdio: 'ignore' })
  const url = `http://127.0.0.1:${httpPort}`
  await answering(`${url}/health`, child)
  return {
    url,
    carbonPort,
    stop: async () => {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function answering(url: string, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const isUp = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isUp) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${victoria} ended before it answered`)
}

function portOf(place: string): number {
  return Number(place.split(':').at(-1))
}
