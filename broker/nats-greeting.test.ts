import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { awaitGreeting } from './nats-greeting.ts'

let server: Server
let greeting: string | undefined
let open: Set<Socket>

beforeEach(async () => {
  greeting = undefined
  open = new Set()
  server = createServer((socket) => {
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    socket.resume()
    if (greeting !== undefined) socket.write(greeting)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
})

afterEach(() => {
  server.close()
})

const port = (): number => (server.address() as AddressInfo).port

async function untilAllClosed(): Promise<void> {
  while (open.size > 0) await new Promise((resolve) => setImmediate(resolve))
}

describe('the greeting of a NATS server', () => {
  it('is its INFO line, and no socket stays', async () => {
    greeting = 'INFO {"server_id":"x"}\r\n'
    await awaitGreeting('127.0.0.1', port(), 5000)
    await untilAllClosed()
  })

  it.each([
    ['silence', undefined],
    ['another greeting', 'HTTP/1.1 400 Bad Request\r\n'],
  ])('is not %s, and no socket stays', async (found, said) => {
    greeting = said
    await expect(awaitGreeting('127.0.0.1', port(), 50)).rejects.toThrow(found)
    await untilAllClosed()
  })

  it('is not there when nobody listens', async () => {
    const gone = port()
    server.close()
    await expect(awaitGreeting('127.0.0.1', gone, 5000)).rejects.toThrow(
      expect.objectContaining({ code: 'NO_GREETING' }),
    )
  })
})
