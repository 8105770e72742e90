import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { anyFreePort, expectFreePort } from './free-port.ts'

const host = '127.0.0.1'

test('a TCP port in use is named with the flag that changes it', async () => {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  await expect(expectFreePort({ host, port }, '--http-port', false)).rejects.toMatchObject({
    code: 'PORT_IN_USE',
    message: expect.stringMatching(new RegExp(`--http-port.*127\\.0\\.0\\.1:${port}`)),
  })
  server.close()
})

test('a UDP port in use matters where UDP is wanted', async () => {
  const socket = createSocket('udp4').bind(0, host)
  await once(socket, 'listening')
  const { port } = socket.address()
  await expectFreePort({ host, port }, '--http-port', false)
  await expect(expectFreePort({ host, port }, '--carbon-port', true)).rejects.toMatchObject({ code: 'PORT_IN_USE' })
  socket.close()
})

test('a free port is free again after looking, and 0 is never in use', async () => {
  const port = await anyFreePort(host, '--broker-port')
  await expectFreePort({ host, port }, '--carbon-port', true)
  await expectFreePort({ host, port }, '--carbon-port', true)
  await expectFreePort({ host, port: 0 }, '--carbon-port', true)
})

test('an address that is not ours is another error than a port in use', async () => {
  await expect(expectFreePort({ host: '192.0.2.1', port: 1 }, '--http-port', false)).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
  })
})
