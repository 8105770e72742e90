import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { retryAfterOf } from './http-post.ts'
import { webhookSink } from './http-sinks.ts'
import { sourceOf } from './reading.ts'
import { signatureOf } from './signature.ts'
import type { Numbered } from './webhook-body.ts'

interface Heard {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

const clock = new FakeClock(1_700_000_000_000)
const source = sourceOf({ tenant: 'main', cloud: 'c', host: 'h' }, { name: 'cpu.usage', tags: { core: '1' } }, '%')
const batch: Numbered[] = [
  { id: '7.1-1', source, timestampMs: 5, value: 1.5 },
  { id: '7.1-2', source, timestampMs: 6, value: null },
]

let server: Server | undefined

afterEach(() => {
  server?.close()
  server?.closeAllConnections()
})

/** A receiver that answers with this, and what it heard. */
async function receiver(status: number, headers: Record<string, string> = {}, body = ''): Promise<[string, Heard[]]> {
  const heard: Heard[] = []
  const listening = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      heard.push({ headers: request.headers, body: Buffer.concat(pieces).toString() })
      response.writeHead(status, headers).end(body)
    })
  })
  server = listening
  await new Promise<void>((resolve) => {
    listening.listen(0, '127.0.0.1', resolve)
  })
  const address = listening.address()
  return [`http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/hook`, heard]
}

function deliver(url: string, secret?: string): Promise<number> {
  return webhookSink({ kind: 'webhook', url }, 'shop.planner', secret, clock).deliver(batch, AbortSignal.timeout(5000))
}

test('a webhook hears [{id, timestamp, data}], signed', async () => {
  const [url, heard] = await receiver(204)
  expect(await deliver(url, 'secret')).toBe(0)
  const [{ headers, body } = { headers: {}, body: '' }] = heard
  const data = { subscription: 'shop.planner', metric: 'cpu.usage', tags: { core: '1' }, tenant: 'main' }
  const place = { cloud: 'c', host: 'h', scope: 'host', unit: '%' }
  expect(JSON.parse(body)).toEqual([
    { id: '7.1-1', timestamp: 5, data: { ...data, ...place, value: 1.5 } },
    { id: '7.1-2', timestamp: 6, data: { ...data, ...place, value: null } },
  ])
  expect(headers).toMatchObject({
    'content-type': 'application/json',
    'lanista-signature': signatureOf('secret', body, 1_700_000_000_000),
  })
})

test('without a secret nothing is signed', async () => {
  const [url, heard] = await receiver(200, {}, 'thanks')
  await deliver(url)
  expect(heard[0]?.headers).not.toHaveProperty('lanista-signature')
})

test.each<[number, string, Record<string, string>, string]>([
  [400, 'SINK_REFUSED', {}, 'no such field'],
  [401, 'SINK_REFUSED', {}, ''],
  [307, 'SINK_REFUSED', { location: 'http://127.0.0.1:1/' }, ''],
  [408, 'SINK_UNAVAILABLE', {}, ''],
  [429, 'SINK_UNAVAILABLE', { 'retry-after': '30' }, ''],
  [503, 'SINK_UNAVAILABLE', { 'retry-after': 'Tue, 14 Nov 2023 22:14:20 GMT' }, 'later\u001b[31m'],
])('an answer of %i is %s', async (status, code, headers, body) => {
  const [url] = await receiver(status, headers, body)
  const retryAfterMs = status === 429 ? 30_000 : status === 503 ? 60_000 : undefined
  const said = body.replace('\u001b', ' ')
  await expect(deliver(url)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(`HTTP ${status}${said === '' ? '' : `: ${said}`},`),
    data: code === 'SINK_REFUSED' ? {} : { retryAfterMs },
  })
})

test('of a long refusal only the beginning is told', async () => {
  const [url] = await receiver(400, {}, 'x'.repeat(1_000_000))
  await expect(deliver(url)).rejects.toSatisfy((error: Error) => error.message.length < 400)
})

test('nobody there may be there later', async () => {
  const [url] = await receiver(200)
  await new Promise((resolve) => server?.close(resolve))
  await expect(deliver(url)).rejects.toMatchObject({
    code: 'SINK_UNAVAILABLE',
    message: expect.stringContaining('ECONNREFUSED'),
  })
})

test.each<[string | null, number | undefined]>([
  [null, undefined],
  ['soon', undefined],
  ['0', 0],
  ['120', 120_000],
  ['999999999', 900_000],
  ['Tue, 14 Nov 2023 22:13:30 GMT', 10_000],
  ['Tue, 14 Nov 2023 20:00:00 GMT', 0],
])('Retry-After: %s asks for %s ms', (header, waitMs) => {
  expect(retryAfterOf(header, 1_700_000_000_000)).toBe(waitMs)
})
