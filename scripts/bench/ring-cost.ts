/** What copying costs the agents: the recorded host's series, several times over, every second, with R = 1 and R = 3. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { cpuSeconds } from './footprint.ts'
import { printTable, type Row } from './report.ts'
import { type FleetAgent, RingFleet } from './ring-fleet.ts'

const hosts = 3
const warmUpMs = 10_000
const measureMs = 30_000

interface Cost {
  readonly samplesASecond: number
  readonly cpuMicros: number
  readonly bytesACopy: number
}

export async function benchRingCost(): Promise<void> {
  const rounds = readRounds()
  const rows: Row[] = []
  for (const times of [3, 30]) {
    const alone = await measure(rounds, times, 1)
    const copied = await measure(rounds, times, 3)
    rows.push({
      'samples/s an agent': Math.round(alone.samplesASecond),
      'CPU µs a sample, R = 1': alone.cpuMicros.toFixed(2),
      'R = 3': copied.cpuMicros.toFixed(2),
      more: `${Math.round((copied.cpuMicros / alone.cpuMicros - 1) * 100)} %`,
      'bytes a sample and copy': copied.bytesACopy.toFixed(2),
    })
  }
  printTable('Ring: what copying costs, agents as processes on NATS, lines into the carbon port', rows)
}

/** Lines of the recorded host without their time, by second. */
function readRounds(): string[][] {
  const path = join(process.env['SHARED_DIR'] ?? '../shared', 'traces/host-1s.txt.gz')
  const rounds = new Map<string, string[]>()
  for (const line of gunzipSync(readFileSync(path)).toString().trimEnd().split('\n')) {
    const end = line.lastIndexOf(' ')
    const round = rounds.get(line.slice(end)) ?? []
    rounds.set(line.slice(end), round)
    round.push(line.slice(0, end))
  }
  return [...rounds.values()]
}

async function measure(rounds: readonly string[][], times: number, copies: number): Promise<Cost> {
  await using fleet = await RingFleet.start(hosts, { copies })
  const feed = new Feed(fleet.agents, rounds, times)
  await sleep(warmUpMs)
  const before = await snapshot(fleet, feed)
  await sleep(measureMs)
  const after = await snapshot(fleet, feed)
  await feed.stop()
  const sent = after.sent - before.sent
  return {
    samplesASecond: sent / hosts / ((after.atMs - before.atMs) / 1000),
    cpuMicros: ((after.cpu - before.cpu) / sent) * 1e6,
    bytesACopy: (after.bytes - before.bytes) / sent / Math.max(1, copies - 1),
  }
}

async function snapshot(
  fleet: RingFleet,
  feed: Feed,
): Promise<{ readonly atMs: number; readonly sent: number; readonly cpu: number; readonly bytes: number }> {
  const bytes = (await fleet.ring()).reduce((sum, { bytes_out: out }) => sum + (out ?? 0), 0)
  const cpu = fleet.agents.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0)
  return { atMs: performance.now(), sent: feed.sent, cpu, bytes }
}

/** A round of the trace for every agent each second, its series `times` over; a tenth of them every 100 ms. */
class Feed {
  readonly #stop = new AbortController()
  readonly #ended: Promise<void>
  sent = 0

  constructor(agents: readonly FleetAgent[], rounds: readonly string[][], times: number) {
    this.#ended = this.#run(agents, rounds, times)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#ended
  }

  async #run(agents: readonly FleetAgent[], rounds: readonly string[][], times: number): Promise<void> {
    const beganAt = performance.now()
    for (let tick = 1; !this.#stop.signal.aborted; tick++) {
      const round = rounds[Math.floor(tick / 10) % rounds.length] ?? []
      const second = Math.floor(Date.now() / 1000)
      const part = round.filter((_, i) => i % 10 === tick % 10)
      const copies = Array.from({ length: times }, (_, copy) =>
        part.map((line) => `r${copy}.${line} ${second}\n`).join(''),
      )
      const text = copies.join('')
      for (const { socket } of agents) socket.write(text)
      this.sent += agents.length * times * part.length
      await sleep(Math.max(0, beganAt + 100 * tick - performance.now()))
    }
  }
}
