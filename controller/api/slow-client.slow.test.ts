import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { ApiServer, newHttpCounters } from './server.ts'

it('ends a request that is not whole after 10 s, when the clock of its deadline is next looked at', async () => {
  const server = await ApiServer.open(
    { host: '127.0.0.1', port: 0, credential: { user: 'operator', token: 'secret' } },
    {
      routes: [],
      counters: newHttpCounters(),
      logger: silentLogger,
      recognise: () => undefined,
      audit: async () => undefined,
    },
  )
  try {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    socket.write('GET /api/v1/hosts HTTP/1.1\r\nX')
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 /)
  } finally {
    await server.close()
  }
}, 20_000)
