import { PrivateEngine } from '#agent/lance/runtime/private-engine.ts'
import { benchLanceMemory } from './lance-memory.ts'
import { benchLanceMetering } from './lance-metering.ts'
import { benchLanceStart } from './lance-start.ts'

/** Instances: how soon one runs, what metering fifty costs, what an agent weighs with them. With an engine of its own, as root. */
export async function benchLance(): Promise<void> {
  const engine = await PrivateEngine.open()
  try {
    await benchLanceStart(engine)
    await benchLanceMetering(engine)
    await benchLanceMemory(engine)
  } finally {
    await engine.close()
  }
}
