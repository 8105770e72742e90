import { afterEach, expect, test } from 'vitest'
import * as z from 'zod'
import { LanistaError } from '#protocol/errors.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import type { Route } from './route.ts'
import { ApiServer, newHttpCounters, type RequestFact } from './server.ts'

const token = 'a-token-of-the-operator'
const routes: Route[] = [
  {
    path: '/api/v1/things/:name',
    method: 'PUT',
    takes: { bytesMax: 100, types: ['application/json'] },
    summary: 'Makes a thing.',
    parameters: z.object({ name: z.string().max(8), dry: z.string().optional() }),
    handle: (parameters, _signal, body) => ({ body: { parameters, body } }),
  },
  {
    path: '/api/v1/archives',
    method: 'POST',
    takes: { bytesMax: 100, types: ['application/gzip'] },
    summary: 'Counts the bytes of an archive.',
    parameters: z.object({}),
    handle: async (_parameters, _signal, { text, bytes }) => {
      let count = 0
      for await (const piece of bytes ?? []) count += piece.length
      return { body: { text, count } }
    },
  },
  {
    path: '/api/v1/small-archives',
    method: 'POST',
    takes: { bytesMax: 100, types: ['application/gzip'] },
    summary: 'Takes an archive of one piece.',
    parameters: z.object({}),
    handle: async (_parameters, _signal, { bytes }) => {
      for await (const piece of bytes ?? []) throw new LanistaError('BLOB_TOO_LARGE', `found ${piece.length} bytes`)
      return { body: {} }
    },
  },
  {
    path: '/api/v1/things/:name',
    method: 'DELETE',
    summary: 'Removes it.',
    parameters: z.object({ name: z.string() }),
    handle: ({ name }) => ({ body: { removed: name } }),
  },
]

let server: ApiServer | undefined
let told: RequestFact[] = []

afterEach(async () => {
  await server?.close()
  server = undefined
  told = []
})

const recognise = (given: string) => (given === 'seen' ? { name: 'eye', role: 'viewer' as const } : undefined)
let audit = async (fact: RequestFact): Promise<void> => void told.push(fact)

async function ask(path: string, request: RequestInit = {}): Promise<{ status: number; value: unknown }> {
  server ??= await ApiServer.open(
    { host: '127.0.0.1', port: 0, credential: { user: 'operator', token } },
    { routes, counters: newHttpCounters(), logger: silentLogger, audit, recognise },
  )
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json; charset=utf-8' }
  const response = await fetch(server.url + path, { headers, ...request })
  return { status: response.status, value: await response.json() }
}

test('a route is handed its path’s parameters, its query and its body as they were sent', async () => {
  expect(await ask('/api/v1/things/one?dry=1', { method: 'PUT', body: '{"a":1}' })).toEqual({
    status: 200,
    value: { parameters: { name: 'one', dry: '1' }, body: { type: 'application/json', text: '{"a":1}' } },
  })
  expect(await ask('/api/v1/things/two', { method: 'DELETE', headers: { authorization: `Bearer ${token}` } })).toEqual({
    status: 200,
    value: { removed: 'two' },
  })
  expect(await ask('/api/v1/things/much-too-long', { method: 'PUT', body: '' })).toMatchObject({ status: 400 })
  expect(await ask('/api/v1/things/one', { method: 'PUT', body: 'x'.repeat(101) })).toMatchObject({ status: 413 })
  const { value } = await ask('/openapi.json')
  expect(value).toMatchObject({
    paths: {
      '/api/v1/things/{name}': {
        put: {
          operationId: 'put_api_v1_things_name',
          parameters: [
            { name: 'name', in: 'path', required: true },
            { name: 'dry', in: 'query', required: false },
          ],
          requestBody: { content: { 'application/json': {} } },
        },
        delete: { operationId: 'delete_api_v1_things_name' },
      },
    },
  })
})

test('an archive is handed on as it comes, whatever its length', async () => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/gzip' }
  const sent = { method: 'POST', body: Buffer.alloc(300_000, 0xff), headers }
  expect(await ask('/api/v1/archives', sent)).toEqual({ status: 200, value: { text: '', count: 300_000 } })
  expect(await ask('/api/v1/archives', { method: 'POST', body: '{}' })).toEqual({
    status: 200,
    value: { text: '{}', count: 0 },
  })
})

test('who refuses an archive in its middle is heard', async () => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/gzip' }
  const sent = { method: 'POST', body: Buffer.alloc(20_000_000, 0xff), headers }
  expect(await ask('/api/v1/small-archives', sent)).toMatchObject({ status: 413, value: { code: 'BLOB_TOO_LARGE' } })
  expect((await ask('/api/v1/archives', { ...sent, body: 'x' })).status).toBe(200)
})

test('what changes something is told to the audit log, refusals too, questions and bodies not', async () => {
  await ask('/api/v1/things/one?dry=1', { method: 'PUT', body: '"hush"' })
  await ask('/api/v1/things/much-too-long', { method: 'PUT', body: '' })
  await ask('/openapi.json')
  await ask('/api/v1/things/one', { method: 'DELETE', headers: {} })
  const one = { who: 'operator', from: '127.0.0.1' }
  expect(told).toEqual([
    { ...one, action: 'PUT /api/v1/things/one?dry=1', status: 200, outcome: 'done' },
    { ...one, action: 'PUT /api/v1/things/much-too-long', status: 400, outcome: 'QUERY_INVALID' },
  ])
})

test('what cannot be written into the audit log is not answered as done', async () => {
  const before = audit
  audit = () => Promise.reject(new LanistaError('REGISTRY_WRITE_FAILED', 'disk full'))
  try {
    expect(await ask('/api/v1/things/one', { method: 'PUT', body: '' })).toMatchObject({
      status: 507,
      value: { code: 'REGISTRY_WRITE_FAILED', message: 'disk full' },
    })
    expect(await ask('/api/v1/things/much-too-long', { method: 'PUT', body: '' })).toMatchObject({ status: 400 })
  } finally {
    audit = before
  }
})

test('a viewer may ask and change nothing, and the try is told to the audit log', async () => {
  const headers = { authorization: 'Bearer seen' }
  expect(await ask('/openapi.json', { headers })).toMatchObject({ status: 200 })
  expect(await ask('/api/v1/things/one', { method: 'DELETE', headers })).toMatchObject({
    status: 403,
    value: { code: 'FORBIDDEN', data: { role: 'viewer', needed: 'operator' } },
  })
  expect(told).toMatchObject([{ who: 'token/eye', status: 403, outcome: 'FORBIDDEN' }])
  expect(await ask('/openapi.json', { headers: { authorization: 'Bearer unseen' } })).toMatchObject({ status: 401 })
})
