import { expect, it } from 'vitest'
import { systemClock } from '#protocol/runtime/clock.ts'
import type { RuntimeEvent } from './instance-runtime.ts'
import { MemoryHost } from './memory-host.ts'
import { MemoryRuntime } from './memory-runtime.ts'
import { runtimeContract } from './runtime-contract.ts'

runtimeContract('memory', async () => {
  const host = new MemoryHost()
  return {
    open: async () => new MemoryRuntime(host, systemClock),
    isolation: 'directory',
    say: {
      exit: (code) => ['exit', String(code)],
      print: (text) => ['print', text],
      printVariable: (name) => ['variable', name],
      printFile: (path) => ['cat', path],
      writeFile: (path, text) => ['write', path, text],
      serve: (text) => ['serve', text],
      ignoreSignals: () => ['stubborn'],
      fork: () => ['exit', '0'],
      log: (name) => ['variable', name],
      flood: () => ['print', 'much'],
    },
    leftovers: async () => [...host.places.keys()],
    close: async () => {},
  }
})

it('while the host is away nothing is known, and what runs is there afterwards', async () => {
  const host = new MemoryHost()
  const runtime = new MemoryRuntime(host, systemClock)
  const heard: RuntimeEvent[] = []
  runtime.onEvent((event) => heard.push(event))
  host.setAvailable(false)
  await expect(runtime.list(AbortSignal.timeout(1000))).rejects.toMatchObject({ code: 'RUNTIME_UNAVAILABLE' })
  host.setAvailable(true)
  expect(heard).toMatchObject([{ isAvailable: false }, { isAvailable: true }])
  expect(await runtime.list(AbortSignal.timeout(1000))).toEqual([])
})
