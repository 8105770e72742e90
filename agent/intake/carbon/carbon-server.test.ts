import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'
import { parseCanonical } from '#protocol/metrics/series.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { type CarbonOptions, CarbonServer } from './carbon-server.ts'
import { MemorySink } from './memory-sink.ts'
import { until } from './until.ts'

const { nowMs, cases } = JSON.parse(readFileSync('test/fixtures/carbon-lines.json', 'utf8')) as {
  nowMs: number
  cases: { line: string; expect?: object; reject?: string }[]
}
const accepted = cases.flatMap(({ expect: sample }) => (sample === undefined ? [] : [sample]))
const rejectedCounts: Record<string, number> = {}
for (const { reject } of cases) if (reject !== undefined) rejectedCounts[reject] = (rejectedCounts[reject] ?? 0) + 1

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function open(options: Partial<CarbonOptions> = {}): Promise<{ server: CarbonServer; sink: MemorySink }> {
  const sink = new MemorySink()
  const clock = { ...systemClock, now: () => nowMs }
  const server = await CarbonServer.open({ port: 0, ...options }, { sink, clock, logger: silentLogger })
  closers.push(() => server.close())
  return { server, sink }
}

async function client(port: number | undefined): Promise<Socket> {
  const socket = connect({ port: port ?? 0, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => {})
  closers.push(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

async function rejected(server: CarbonServer): Promise<Record<string, number>> {
  return Object.fromEntries(Object.entries((await server.counters()).rejected).filter(([, count]) => count > 0))
}

function asVectors(sink: MemorySink): object[] {
  return sink.samples.map(({ series, ...numbers }) => {
    const { name, tags } = parseCanonical(series)
    return { name, tags: { ...tags }, ...numbers }
  })
}

describe('the carbon port', () => {
  test('says from which address a new series came, over TCP, UDP and in pickles', async () => {
    const { server, sink } = await open({ picklePort: 0 })
    const lines = await client(server.port)
    lines.write('by.tcp 1 -1\n')
    const udp = createSocket('udp4')
    closers.push(() => udp.close())
    udp.send('by.udp 1 -1\n', server.port, '127.0.0.1')
    const pickles = await client(server.picklePort)
    const pickle = Buffer.from("(lp0\n(S'by.pickle'\np1\n(I-1\nI1\ntp2\ntp3\na.")
    const header = Buffer.alloc(4)
    header.writeUInt32BE(pickle.length)
    pickles.write(Buffer.concat([header, pickle]))
    await until(() => sink.clients.length === 3)
    expect(sink.clients).toEqual(['127.0.0.1', '127.0.0.1', '127.0.0.1'])
  })

  test('takes every vector over TCP', async () => {
    const { server, sink } = await open()
    const socket = await client(server.port)
    socket.end(cases.map(({ line }) => `${line}\n`).join(''))
    await once(socket.resume(), 'close')
    expect(asVectors(sink)).toEqual(accepted)
    expect(await rejected(server)).toEqual(rejectedCounts)
  })

  test('takes them sent byte by byte', async () => {
    const { server, sink } = await open()
    const socket = await client(server.port)
    for (const value of Buffer.from(cases.map(({ line }) => `${line}\n`).join(''))) {
      if (!socket.write(Buffer.of(value))) await once(socket, 'drain')
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    socket.end()
    await once(socket.resume(), 'close')
    expect(asVectors(sink)).toEqual(accepted)
    expect(await rejected(server)).toEqual(rejectedCounts)
  })

  test('takes them over UDP on the same port number, one or many a datagram, with and without the last LF', async () => {
    const { server, sink } = await open()
    const socket = createSocket('udp4')
    closers.push(() => socket.close())
    const lines = cases.map(({ line }) => line).filter((line) => line !== '')
    const datagrams = [lines.join('\n'), `${lines.join('\n')}\n`, ...lines]
    for (const datagram of datagrams) socket.send(datagram, server.port, '127.0.0.1')
    await until(async () => (await server.counters()).udpDatagrams === datagrams.length)
    expect(asVectors(sink)).toEqual([...accepted, ...accepted, ...accepted])
    expect((await server.counters()).udpKernelDrops).toBe(0)
  })

  test('counts a last line without LF as partial and takes the rest', async () => {
    const { server, sink } = await open()
    const socket = await client(server.port)
    socket.end('a 1 1\nb 2 2')
    await once(socket.resume(), 'close')
    expect(sink.samples.map(({ series }) => series)).toEqual(['a'])
    expect(await rejected(server)).toEqual({ partial: 1 })
  })

  test('answers an HTTP request with a 400 and closes, counted once, also when it comes in pieces', async () => {
    const { server, sink } = await open()
    const socket = await client(server.port)
    for (const piece of ['GET /hea', 'lth HTTP/1.1\r', '\nHost: x\r\n\r\n']) {
      socket.write(piece)
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 .*Graphite lines: path value timestamp\n$/s)
    await until(async () => (await server.counters()).tcp.open === 0)
    expect(sink.samples).toEqual([])
    expect(await rejected(server)).toEqual({ http: 1 })
  })

  test('answers a TLS hello with an alert and closes, counted once', async () => {
    const { server } = await open()
    const socket = await client(server.port)
    socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x0a, 0x0a, 0x0a]))
    const chunks: Buffer[] = await socket.toArray()
    expect(Buffer.concat(chunks)).toEqual(Buffer.from([0x15, 3, 1, 0, 2, 2, 0x28]))
    expect(await rejected(server)).toEqual({ tls: 1 })
  })

  test('stops reading while the sink is full and loses nothing', async () => {
    const { server, sink } = await open()
    const socket = await client(server.port)
    socket.write('a 1 1\n')
    await until(() => sink.samples.length === 1)
    sink.fill()
    socket.write('a 2 2\n')
    await until(async () => (await server.counters()).tcp.pauses === 1)
    const other = await client(server.port)
    other.end('b 3 3\n')
    await until(async () => (await server.counters()).tcp.open === 2)
    expect(sink.samples.length).toBe(1)
    sink.drain()
    await until(() => sink.samples.length === 3)
    socket.end()
    await until(async () => (await server.counters()).tcp.open === 0)
    expect((await server.counters()).accepted).toBe(3)
  })

  test('closes a connection that says nothing, not one that was not let speak', async () => {
    const { server, sink } = await open({ idleMs: 100 })
    const silent = await client(server.port)
    await once(silent.resume(), 'close')
    expect((await server.counters()).tcp.idle).toBe(1)
    sink.fill()
    const held = await client(server.port)
    held.end('a 1 1\n')
    await until(async () => (await server.counters()).tcp.pauses === 1)
    await once(await client(server.port).then((socket) => socket.resume()), 'close')
    sink.drain()
    await until(() => sink.samples.length === 1)
    expect((await server.counters()).tcp.idle).toBe(2)
  })

  test('closes the connections beyond its bound at once and serves the others', async () => {
    const { server, sink } = await open({ connectionsMax: 2 })
    const first = await client(server.port)
    await client(server.port)
    await until(async () => (await server.counters()).tcp.open === 2)
    const third = await client(server.port)
    await once(third.resume(), 'close')
    first.write('a 1 1\n')
    await until(() => sink.samples.length === 1)
    const { tcp } = await server.counters()
    expect([tcp.open, tcp.total, tcp.refused]).toEqual([2, 2, 1])
  })

  test('takes pickles where asked to', async () => {
    const { server, sink } = await open({ picklePort: 0 })
    const { statsd } = JSON.parse(readFileSync('test/fixtures/carbon-pickles.json', 'utf8')) as { statsd: string }
    const body = Buffer.from(statsd, 'base64')
    const socket = await client(server.picklePort)
    socket.write(Buffer.from([0, 0, 0, body.length]))
    socket.end(body)
    await once(socket.resume(), 'close')
    expect(sink.samples.map(({ series, value }) => [series, value])).toEqual([
      ['stats.count', 42],
      ['stats.rate', 0.7],
    ])
    expect((await open()).server.picklePort).toBeUndefined()
  })

  test('in use, on TCP or on UDP, is an error that names the port and the flag, and leaves nothing open', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    closers.push(() => holder.close())
    await once(holder, 'listening')
    const tcpPort = (holder.address() as { port: number }).port
    await expect(open({ port: tcpPort })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: `choose another port with --carbon-port: found TCP 127.0.0.1:${tcpPort} in use, expected it free`,
    })
    const datagrams = createSocket('udp4')
    closers.push(() => datagrams.close())
    datagrams.bind(0, '127.0.0.1')
    await once(datagrams, 'listening')
    const udpPort = datagrams.address().port
    await expect(open({ port: udpPort })).rejects.toMatchObject({ code: 'PORT_IN_USE', data: { transport: 'UDP' } })
    const again = createServer().listen(udpPort, '127.0.0.1')
    closers.push(() => again.close())
    await once(again, 'listening')
  })

  test('closed twice is closed, and frees the port', async () => {
    const { server } = await open()
    const { port } = server
    const socket = await client(port)
    await Promise.all([server.close(), once(socket.resume(), 'close')])
    await server.close()
    expect((await open({ port })).server.port).toBe(port)
  })
})
