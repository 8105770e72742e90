/**
 * How long a TCP connection takes to a place that matters. Not ping: that is hardly touched by the load of a host, and so does
 * not show what an application feels (the seed's reason).
 */
import { lookup } from 'node:dns/promises'
import { createConnection } from 'node:net'
import * as z from 'zod/mini'
import { type Outcome, parseParameters, type Reading, type Sensor } from './sensor.ts'
import { tagValue } from './tag-value.ts'

export interface NetworkLatencyParameters {
  /** Name or address. Required. A name is resolved before the clock starts. */
  readonly host: string
  /** Default 80. */
  readonly port?: number | undefined
  /** Connections made one after another for one reading. Default 1. */
  readonly loops?: number | undefined
  /** Patience with each, ms. Default 500. */
  readonly timeoutMs?: number | undefined
}

const schema: z.ZodMiniType<NetworkLatencyParameters> = z.strictObject({
  host: z.string().check(z.minLength(1), z.maxLength(253)),
  port: z.optional(z.int().check(z.gte(1), z.lte(65_535))),
  loops: z.optional(z.int().check(z.gte(1), z.lte(100))),
  timeoutMs: z.optional(z.int().check(z.gte(1), z.lte(60_000))),
})

const tags = ['host', 'port']

/** `network.latency` and its failures. */
export const networkLatencySensor: Sensor<NetworkLatencyParameters> = {
  name: 'network-latency',
  metrics: [
    {
      name: 'network.latency',
      unit: 'milliseconds',
      kind: 'gauge',
      tags,
      meaning: 'mean time to connect, of the attempts that succeeded; absent when none did',
    },
    {
      name: 'network.latency_failures',
      unit: 'count',
      kind: 'gauge',
      tags,
      meaning: 'attempts of this read that failed',
    },
  ],
  privileges: 'none',
  parse: (parameters) => parseParameters('network-latency', schema, parameters),
  open({ host, port = 80, loops = 1, timeoutMs = 500 }) {
    return {
      read: async (signal): Promise<Outcome> => {
        const { address } = await lookup(host)
        const times: (number | undefined)[] = []
        while (times.length < loops && !signal.aborted) times.push(await connectMs(address, port, timeoutMs, signal))
        signal.throwIfAborted()
        return latencyReadings(times, { host: tagValue(host), port: String(port) })
      },
      close: () => {},
    }
  },
}

/** From connect times in ms, undefined for failed attempts: these count as failures and not in the mean. */
export function latencyReadings(
  times: readonly (number | undefined)[],
  tags: Readonly<Record<string, string>>,
): readonly Reading[] {
  const good = times.filter((time) => time !== undefined)
  const failures = {
    name: 'network.latency_failures',
    tags,
    value: times.length - good.length,
    unit: 'count',
  }
  if (good.length === 0) return [failures]
  const mean = good.reduce((sum, time) => sum + time, 0) / good.length
  return [{ name: 'network.latency', tags, value: mean, unit: 'milliseconds' }, failures]
}

/** Milliseconds until connected; undefined when refused, unreachable, too late or aborted. */
function connectMs(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<number | undefined> {
  return new Promise((resolve) => {
    const startedMs = performance.now()
    const socket = createConnection({ host, port, timeout: timeoutMs })
    const end = (answer: number | undefined): void => {
      signal.removeEventListener('abort', giveUp)
      socket.destroy()
      resolve(answer)
    }
    const giveUp = (): void => end(undefined)
    socket.once('connect', () => end(performance.now() - startedMs))
    socket.once('timeout', giveUp)
    socket.on('error', giveUp)
    signal.addEventListener('abort', giveUp, { once: true })
  })
}
