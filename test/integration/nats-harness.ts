import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NatsServer } from '#broker/nats-server.ts'
import { generateNkey } from '#broker/nkey.ts'
import { openBus } from '#broker/open-bus.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { credentialOf, usersOf } from '../contracts/bus-cast.ts'
import type { BusHarness } from '../contracts/bus-contract.ts'

const deps = { clock: systemClock, logger: silentLogger }

/** The cast on a real nats-server. */
export async function openNats(): Promise<BusHarness> {
  const keys = { a1: generateNkey(), b1: generateNkey(), controller: generateNkey() }
  const directory = await mkdtemp(join(tmpdir(), 'lanista-nats-'))
  const start = (port: number): Promise<NatsServer> =>
    NatsServer.open({ directory, host: '127.0.0.1', port, users: usersOf(keys) }, deps)
  let server = await start(0)
  const { url, port } = server
  return {
    connect: (role) =>
      openBus({ url, role, credential: credentialOf(role, keys), name: 'contract', backoff: { capMs: 200 } }, deps),
    stopBroker: () => server.close(),
    startBroker: async () => {
      server = await start(port)
    },
    close: async () => {
      await server.close()
      await rm(directory, { recursive: true })
    },
  }
}
