import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import * as fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { CarbonServer } from './carbon-server.ts'
import { MemorySink } from './memory-sink.ts'
import { modelOf } from './reference-parser.ts'
import { noRejects, type RejectCounts, type RejectReason } from './reject.ts'
import { turnBytesMax } from './tcp-intake.ts'
import { until } from './until.ts'

const { nowMs, cases } = JSON.parse(readFileSync('test/fixtures/carbon-lines.json', 'utf8')) as {
  nowMs: number
  cases: { line: string }[]
}

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function open(): Promise<{ server: CarbonServer; sink: MemorySink }> {
  const sink = new MemorySink()
  const clock = { ...systemClock, now: () => nowMs }
  const server = await CarbonServer.open({ port: 0 }, { sink, clock, logger: silentLogger })
  closers.push(() => server.close())
  return { server, sink }
}

async function client(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => {})
  closers.push(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** 10,000 random strings, noise and near-lines alike, with every vector among them; the same each run. */
const strings = [
  ...fc.sample(fc.uint8Array({ maxLength: 120 }), { seed: 1, numRuns: 5000 }).map((bytes) => Buffer.from(bytes)),
  ...fc
    .sample(fc.stringMatching(/^[a-c.;=~ \t\n\r0-9e+-]{0,40}$/), { seed: 2, numRuns: 5000 })
    .map((text) => Buffer.from(text)),
  ...cases.map(({ line }) => Buffer.from(line)),
]

/** What the model makes of all lines. */
function modelCounts(lines: readonly Buffer[]): { accepted: number; rejected: RejectCounts } {
  const rejected = noRejects()
  let accepted = 0
  for (const line of lines) {
    const verdict = modelOf(line, nowMs)
    if (typeof verdict === 'string') rejected[verdict as RejectReason]++
    else accepted++
  }
  return { accepted, rejected }
}

function splitLines(bytes: Buffer): Buffer[] {
  const lines = bytes.toString('latin1').split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines.map((line) => Buffer.from(line, 'latin1'))
}

/** Writes a numbered line each turn until told to stop; returns how many. */
async function behaveWell(socket: Socket, signal: AbortSignal): Promise<number> {
  let sent = 0
  for (; !signal.aborted; sent++) {
    if (!socket.write(`well.behaved ${sent} 1700000000\n`)) await once(socket, 'drain')
    await turn()
  }
  return sent
}

function wellBehaved(sink: MemorySink): number[] {
  return sink.samples.filter(({ series }) => series === 'well.behaved').map(({ value }) => value)
}

describe('whatever is sent to the carbon port', () => {
  test('over TCP, every line is accounted for by its reason, and a good client is unaffected', async () => {
    const { server, sink } = await open()
    const stop = new AbortController()
    const good = behaveWell(await client(server.port), stop.signal)
    const bodies: Buffer[] = []
    for (let at = 0; at < strings.length; at += 100) {
      const body = Buffer.concat(strings.slice(at, at + 100).flatMap((one) => [one, Buffer.from('\n')]))
      bodies.push(body)
      const socket = await client(server.port)
      const cut = (at * 7919) % body.length
      socket.write(body.subarray(0, cut))
      await turn()
      socket.end(body.subarray(cut))
      await once(socket.resume(), 'close')
    }
    stop.abort()
    const sent = await good
    const model = modelCounts(bodies.flatMap(splitLines))
    await until(() => wellBehaved(sink).length === sent)
    expect(wellBehaved(sink)).toEqual(Array.from({ length: sent }, (_, i) => i))
    const counters = await server.counters()
    expect(counters.rejected).toEqual(model.rejected)
    expect(counters.accepted).toBe(model.accepted + sent)
    expect(model.accepted).toBeGreaterThan(30)
  })

  test('over UDP, every line is accounted for by its reason', async () => {
    const { server } = await open()
    const socket = createSocket('udp4')
    closers.push(() => socket.close())
    let sent = 0
    for (const datagram of strings) {
      socket.send(datagram, server.port, '127.0.0.1')
      if (++sent % 50 === 0) await until(async () => (await server.counters()).udpDatagrams === sent)
    }
    await until(async () => (await server.counters()).udpDatagrams === sent)
    const model = modelCounts(strings.flatMap(splitLines))
    const counters = await server.counters()
    expect(counters.rejected).toEqual(model.rejected)
    expect([counters.accepted, counters.udpKernelDrops]).toEqual([model.accepted, 0])
  })

  test('a client that never sends an LF is cut off after 1 MiB, counted, at no cost in memory', async () => {
    const { server } = await open()
    const socket = await client(server.port)
    const before = process.memoryUsage().rss
    const piece = Buffer.alloc(1024 * 1024, 0x61)
    let sent = 0
    const closed = new Promise((resolve) => socket.resume().once('close', resolve))
    for (; sent < 64 && !socket.destroyed; sent++) {
      const drained = new Promise((resolve) => socket.once('drain', resolve))
      if (!socket.write(piece)) await Promise.race([drained, closed])
    }
    await closed
    await until(async () => (await server.counters()).tcp.open === 0)
    const { tcp, rejected } = await server.counters()
    expect([tcp.expelled, tcp.open, rejected.long, rejected.partial]).toEqual([1, 0, 1, 0])
    expect(tcp.bytes).toBeLessThan(2 * 1024 * 1024)
    expect(process.memoryUsage().rss - before).toBeLessThan(48 * 1024 * 1024)
  })

  test('a thousand idle connections cost little, and the next client is served', async () => {
    const { server, sink } = await open()
    const before = process.memoryUsage().rss
    await Promise.all(Array.from({ length: 1000 }, () => client(server.port)))
    await until(async () => (await server.counters()).tcp.open === 1000)
    const good = await client(server.port)
    good.write('a 1 1\n')
    await until(() => sink.samples.length === 1)
    // Both ends of each connection live in this process.
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024)
  })

  test('a flood on some connections does not keep a slow client waiting for its turn', async () => {
    const { server, sink } = await open()
    const flood = Buffer.from('flood.name 12345.6 -2\n'.repeat(50_000))
    const stop = new AbortController()
    const floods = Array.from({ length: 4 }, async () => {
      const socket = await client(server.port)
      while (!stop.signal.aborted) if (!socket.write(flood)) await once(socket, 'drain')
      socket.destroy()
    })
    const slow = await client(server.port)
    let waitedBytesMax = 0
    for (let i = 0; i < 10; i++) {
      const { bytes } = await server.counters()
      slow.write(`well.behaved ${i} 1700000000\n`)
      await until(() => sink.samples.length > i)
      waitedBytesMax = Math.max(waitedBytesMax, (await server.counters()).bytes - bytes)
    }
    expect(waitedBytesMax).toBeLessThan(20 * 4 * turnBytesMax)
    stop.abort()
    await Promise.all(floods)
    expect(wellBehaved(sink)).toEqual(Array.from({ length: 10 }, (_, i) => i))
  })
})
