import { EmbeddedBroker } from '#broker/embedded.ts'
import { generateNkey } from '#broker/nkey.ts'
import { openBus } from '#broker/open-bus.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { credentialOf, usersOf } from './bus-cast.ts'
import type { BusHarness } from './bus-contract.ts'

const deps = { clock: systemClock, logger: silentLogger }

/** The cast on an embedded broker; the controller's bus is in process and dies with it. */
export async function openAedes(): Promise<BusHarness> {
  const keys = { a1: generateNkey(), b1: generateNkey(), controller: generateNkey() }
  const start = async (port: number): Promise<EmbeddedBroker> => {
    const broker = await EmbeddedBroker.open({ host: '127.0.0.1', port }, deps)
    for (const user of usersOf(keys)) await broker.addUser(user)
    return broker
  }
  let broker = await start(0)
  const { url, port } = broker
  return {
    connect: (role) => {
      if (role.kind === 'controller') return broker.localBus()
      return openBus(
        { url, role, credential: credentialOf(role, keys), name: 'contract', backoff: { capMs: 200 } },
        deps,
      )
    },
    stopBroker: () => broker.close(),
    startBroker: async () => {
      broker = await start(port)
    },
    close: () => broker.close(),
  }
}
