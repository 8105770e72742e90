import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { Ledger } from './ledger.ts'
import { identifyProcess, type ProcessIdentity } from './process-identity.ts'
import { reapOrphans } from './reap.ts'

async function startSleeper(): Promise<{ child: ChildProcess; identity: ProcessIdentity }> {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  await once(child, 'spawn')
  const identity = identifyProcess(child.pid ?? -1)
  if (!identity) throw new Error('a process that was just started has no identity')
  return { child, identity }
}

test('what was left running is ended; a stranger with the same pid is left alone', async () => {
  const ledger = new Ledger(new MemoryRegistryStore())
  const orphan = await startSleeper()
  const stranger = await startSleeper()
  await ledger.adopt('orphan', orphan.identity)
  await ledger.adopt('stranger', { ...stranger.identity, started: 'before the reboot' })

  await reapOrphans({ ledger, clock: systemClock, logger: silentLogger })

  expect(orphan.child.signalCode ?? (await once(orphan.child, 'exit'))[1]).toBe('SIGTERM')
  expect(identifyProcess(stranger.identity.pid)).toEqual(stranger.identity)
  expect((await ledger.adopted()).size).toBe(0)
  stranger.child.kill('SIGKILL')
})
