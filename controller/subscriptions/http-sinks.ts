/** The sinks behind a POST: webhook, InfluxDB, Prometheus remote write. */
import type { Clock } from '#protocol/runtime/clock.ts'
import { post } from './http-post.ts'
import { influxLines } from './line-protocol.ts'
import { writeRequests } from './remote-write-format.ts'
import { signatureHeader, signatureOf } from './signature.ts'
import type { Sink } from './sink.ts'
import { snappyCompress } from './snappy.ts'
import type { InfluxSpec, RemoteWriteSpec, WebhookSpec } from './subscription.ts'
import { webhookBody } from './webhook-body.ts'

type Now = Pick<Clock, 'now'>

export function webhookSink({ url }: WebhookSpec, subscription: string, secret: string | undefined, clock: Now): Sink {
  return {
    deliver: async (batch, signal) => {
      const body = webhookBody(subscription, batch)
      const proof = secret === undefined ? {} : { [signatureHeader]: signatureOf(secret, body, clock.now()) }
      await post({ url, headers: { 'content-type': 'application/json', ...proof }, body }, () => clock.now(), signal)
      return 0
    },
  }
}

export function influxSink(spec: InfluxSpec, secret: string | undefined, clock: Now): Sink {
  const url = influxUrl(spec)
  const lineOf = influxLines()
  const headers = { 'content-type': 'text/plain; charset=utf-8', ...influxAuthorization(spec, secret) }
  return {
    deliver: async (batch, signal) => {
      const lines = batch.flatMap((reading) => lineOf(reading) ?? [])
      if (lines.length > 0) await post({ url, headers, body: lines.join('') }, () => clock.now(), signal)
      return batch.length - lines.length
    },
  }
}

export function remoteWriteSink({ url, user }: RemoteWriteSpec, secret: string | undefined, clock: Now): Sink {
  const encode = writeRequests()
  const headers = {
    'content-type': 'application/x-protobuf',
    'content-encoding': 'snappy',
    'x-prometheus-remote-write-version': '0.1.0',
    ...(user === undefined ? bearer('Bearer', secret) : basic(user, secret)),
  }
  return {
    deliver: async (batch, signal) => {
      const body = snappyCompress(encode(batch))
      await post({ url, headers, body }, () => clock.now(), signal)
      return 0
    },
  }
}

function influxUrl({ url, place }: InfluxSpec): string {
  const base = url.replace(/\/$/, '')
  const parameters = new URLSearchParams(
    'database' in place ? { db: place.database } : { org: place.org, bucket: place.bucket },
  )
  return `${base}${'database' in place ? '/write' : '/api/v2/write'}?${parameters.toString()}&precision=ms`
}

function influxAuthorization({ place, user }: InfluxSpec, secret: string | undefined): Record<string, string> {
  if (user !== undefined) return basic(user, secret)
  return bearer('database' in place ? 'Bearer' : 'Token', secret)
}

function bearer(scheme: string, secret: string | undefined): Record<string, string> {
  return secret === undefined ? {} : { authorization: `${scheme} ${secret}` }
}

function basic(user: string, secret = ''): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` }
}
