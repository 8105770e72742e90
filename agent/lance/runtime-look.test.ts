import { expect, it } from 'vitest'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import type { InstanceKeeper } from './instance-keeper.ts'
import { MemoryHost } from './runtime/memory-host.ts'
import { MemoryRuntime } from './runtime/memory-runtime.ts'
import { RuntimeLook } from './runtime-look.ts'

it.each([
  ['that keeps nothing is asked every 15 s', [], 4],
  ['that something waits for is asked every second', [{ isIdle: false } as InstanceKeeper], 60],
])('a silent runtime %s', async (_, keepers, looks) => {
  const [clock, host] = [new FakeClock(), new MemoryHost()]
  host.setAvailable(false)
  let asked = 0
  const runtime = new MemoryRuntime(host, clock)
  const list = runtime.list.bind(runtime)
  runtime.list = (signal) => {
    asked++
    return list(signal)
  }
  const options = { isolation: 'docker' as const, lookMs: 15_000, orphanGraceMs: 600_000 }
  const look = new RuntimeLook(options, { runtime, keepers: () => keepers, clock, logger: silentLogger })
  look.start()
  await clock.advance(0)
  for (let second = 0; second < 59; second++) {
    await clock.advance(1000)
    await clock.advance(0)
  }
  expect(asked).toBe(looks)
  await look.close()
})
