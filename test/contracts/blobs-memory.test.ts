import { MemoryBroker } from '#broker/memory.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { blobContract } from './blob-contract.ts'

blobContract('memory', async () => {
  const broker = new MemoryBroker({ clock: systemClock, logger: silentLogger })
  return {
    connect: (role) => broker.connect(role),
    stopBroker: async () => broker.stop(),
    startBroker: async () => broker.start(),
    close: async () => broker.stop(),
  }
})
