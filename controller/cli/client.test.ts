import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { ControllerClient } from './client.ts'
import { exitCodeOf } from './exit-code.ts'

let server: Server | undefined

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
  server = undefined
})

async function clientOf(listener: RequestListener, token?: string): Promise<ControllerClient> {
  const made = createServer(listener)
  server = made
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(made.address() as AddressInfo).port}`
  return new ControllerClient({ endpoint: { url, token }, tokensPath: '/tokens.json' })
}

const never = new AbortController().signal

test('the token goes along, parameters without a value do not', async () => {
  const client = await clientOf((request, response) => {
    response.end(JSON.stringify([request.url, request.headers.authorization]))
  }, 'secret')
  expect(await client.get('/api/v1/query', { match: 'a b', host: undefined }, never)).toEqual([
    '/api/v1/query?match=a+b',
    'Bearer secret',
  ])
})

test('without a token the error says which file would hold it', async () => {
  const client = await clientOf((_, response) => response.writeHead(401).end('{}'))
  await expect(client.get('/', {}, never)).rejects.toMatchObject({
    code: 'UNAUTHORIZED',
    message: expect.stringContaining('/tokens.json'),
  })
})

test.each([
  [400, 'REQUEST_INVALID', 'give match: found nothing'],
  [413, 'REQUEST_INVALID', 'give match: found nothing'],
  [500, 'ANSWER_FAILED', 'give match: found nothing'],
])('a refusal with %s becomes %s with the controller’s own message', async (status, code, message) => {
  const client = await clientOf((_, response) => response.writeHead(status).end(JSON.stringify({ code: 'X', message })))
  await expect(client.get('/', {}, never)).rejects.toMatchObject({ code, message: expect.stringContaining(message) })
})

test.each([
  ['APPLICATION_CHANGED', 1],
  ['BUSY', 1],
  ['SUBSCRIPTION_OWNED', 2],
])('a refusal as %s ends with %s', async (code, exit) => {
  const client = await clientOf((_, response) => response.writeHead(409).end(JSON.stringify({ code, message: 'no' })))
  expect(await client.get('/', {}, never).catch(exitCodeOf)).toBe(exit)
})

test('an answer that is no JSON is an error, not a crash', async () => {
  const client = await clientOf((_, response) => response.end('<html>'))
  await expect(client.get('/', {}, never)).rejects.toMatchObject({ code: 'ANSWER_FAILED' })
})

test('nobody there: one line with the URL and the flag', async () => {
  const client = await clientOf(() => {})
  server?.close()
  await expect(client.get('/', {}, never)).rejects.toMatchObject({
    code: 'UNREACHABLE',
    message: expect.stringMatching(new RegExp(`--controller.*ECONNREFUSED.*${client.url}`)),
  })
})

test('an aborted question ends with the reason of the abort', async () => {
  const client = await clientOf(() => {})
  const reason = new Error('enough')
  await expect(client.get('/', {}, AbortSignal.abort(reason))).rejects.toBe(reason)
})
