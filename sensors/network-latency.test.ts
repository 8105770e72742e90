import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { depsAllowing, linesOf, quietSignal } from './fixture-tree.ts'
import { latencyReadings, networkLatencySensor } from './network-latency.ts'
import type { Outcome } from './sensor.ts'

function read(parameters: unknown): Promise<Outcome> {
  return networkLatencySensor.open(networkLatencySensor.parse(parameters), depsAllowing()).read(quietSignal())
}

describe('network latency', () => {
  it('keeps failed attempts out of the mean and counts them', () => {
    expect(linesOf(latencyReadings([10, undefined, 20], { host: 'h', port: '80' }))).toEqual([
      'network.latency;host=h;port=80 15 milliseconds',
      'network.latency_failures;host=h;port=80 1 count',
    ])
  })

  it('measures connections that succeed', async () => {
    await using server = createServer((socket) => socket.on('error', () => {}))
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
    })
    const lines = linesOf(await read({ host: '127.0.0.1', port, loops: 3 }))
    expect(lines).toHaveLength(2)
    expect(lines[1]).toBe(`network.latency_failures;host=127.0.0.1;port=${port} 0 count`)
  })

  it('reports only failures where nothing listens', async () => {
    const server = createServer()
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
    })
    await new Promise((resolve) => server.close(resolve))
    expect(linesOf(await read({ host: '127.0.0.1', port, loops: 2 }))).toEqual([
      `network.latency_failures;host=127.0.0.1;port=${port} 2 count`,
    ])
  })

  it('must be told the host', () => {
    expect(() => networkLatencySensor.parse({})).toThrow('at host: found nothing, expected string')
  })
})
