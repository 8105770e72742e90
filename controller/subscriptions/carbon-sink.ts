import { connect } from 'node:net'
import { messageOf } from '#protocol/errors.ts'
import { formatHostPort } from '#protocol/runtime/host-port.ts'
import { carbonLines } from './carbon-lines.ts'
import { type Sink, unavailable } from './sink.ts'
import type { CarbonSpec } from './subscription.ts'

/**
 * One connection a batch: carbon acknowledges nothing, but who closes its side after the end of ours, without a reset, has read to
 * the end. Carbon, carbon-relay, VictoriaMetrics, InfluxDB, Telegraf and lanista do. One that does not is retried at the deadline.
 */
export function carbonSink({ host, port, tags }: CarbonSpec): Sink {
  const lineOf = carbonLines(tags)
  return {
    deliver: async (batch, signal) => {
      const lines = batch.flatMap((reading) => lineOf(reading) ?? [])
      if (lines.length > 0) await send(host, port, lines.join(''), signal)
      return batch.length - lines.length
    },
  }
}

async function send(host: string, port: number, text: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port })
    const abort = (): void => {
      socket.destroy()
      reject(signal.reason)
    }
    let isRead = false
    signal.addEventListener('abort', abort, { once: true })
    socket.on('error', (error) => reject(unavailable(`${formatHostPort(host, port)}: ${messageOf(error)}`)))
    socket.on('end', () => {
      isRead = socket.writableFinished
    })
    socket.on('close', () => {
      signal.removeEventListener('abort', abort)
      if (isRead) resolve()
      else reject(unavailable(`${formatHostPort(host, port)} closed before the end of the lines`))
    })
    socket.resume() // an answer would hold up the end
    socket.end(text)
  })
}
