/** For tests: a Lance on a memory bus whose only runtime is in memory. */
import type { MemoryBroker } from '#broker/memory.ts'
import type { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import type { MemoryInstanceStore } from './instance-store.ts'
import { Lance, type LanceDeps } from './lance.ts'
import type { MemoryHost } from './runtime/memory-host.ts'
import { MemoryRuntime } from './runtime/memory-runtime.ts'

const address = { tenant: 't', cloud: 'c', host: 'h' }

/** What outlives an agent. */
export interface LanceStage extends Pick<LanceDeps, 'onSeen'> {
  readonly broker: MemoryBroker
  readonly clock: FakeClock
  readonly host: MemoryHost
  readonly store: MemoryInstanceStore
}

/** Of host `t.c.h`, session 7, as after a start of its agent; the caller starts and closes it. */
export function lanceForTests({ broker, clock, host, store, onSeen }: LanceStage): Lance {
  return new Lance(
    {
      address,
      allow: { images: ['a'], volumes: [] },
      host: { cloudIp: '10.0.0.7', publicIp: '192.0.2.7', vmId: 'h' },
      folder: '/',
    },
    {
      bus: broker.connect({ kind: 'agent', address }),
      clock,
      logger: silentLogger,
      store,
      runtimes: new Map([['directory', new MemoryRuntime(host, clock)]]),
      detectors: { started: async () => {}, stopped: () => new Promise(() => {}) },
      fetchCode: async () => '/code',
      session: () => 7,
      onSeen,
    },
  )
}
