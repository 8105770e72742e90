import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { MemorySink } from './memory-sink.ts'
import { TcpIntake, turnBytesMax } from './tcp-intake.ts'
import { until } from './until.ts'

const chunkBytesMax = 65_536

test('no connection gets more than its share of a turn, and all that was sent is read', async () => {
  const sentBytes = 32 * 1024 * 1024
  let heardBytes = 0
  let turnBytes = 0
  let turnBytesSeen = 0
  const client = (): { feed(chunk: Buffer): undefined; end(): void } => ({
    feed: (chunk) => {
      if (turnBytes === 0) setImmediate(() => (turnBytes = 0))
      turnBytes += chunk.length
      turnBytesSeen = Math.max(turnBytesSeen, turnBytes)
      heardBytes += chunk.length
      return undefined
    },
    end: () => {},
  })
  const options = { host: '127.0.0.1', port: 0, portFlag: '--port', connectionsMax: 2, idleMs: 10_000 }
  const intake = await TcpIntake.open(options, { sink: new MemorySink(), logger: silentLogger, client })
  const socket = connect(intake.address.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.end(Buffer.alloc(sentBytes))
  await until(() => heardBytes === sentBytes)
  await intake.close()
  socket.destroy()
  expect(turnBytesSeen).toBeGreaterThan(chunkBytesMax)
  expect(turnBytesSeen).toBeLessThanOrEqual(turnBytesMax + chunkBytesMax)
})
