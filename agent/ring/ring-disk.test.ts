import { expect, test } from 'vitest'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { MemoryReplicaStore } from './memory-replica-store.ts'
import type { RingEvent } from './node.ts'
import type { OwnStore } from './own-log.ts'
import { RingDisk } from './ring-disk.ts'

const newer = { storeId: 's', start: 60 }
const older = { storeId: 's', start: 50 }
const entries = Array.from({ length: 5000 }, (_, i) => ({ name: `n${i}` }))

test('copies names from one lane to another, however many, and says from where on they are missing', async () => {
  const replicas = new MemoryReplicaStore()
  const answers: RingEvent[] = []
  const answer = (event: RingEvent): void => void answers.push(event)
  const disk = new RingDisk('me', { replicas, store: {} as OwnStore, logger: silentLogger, answer })
  await replicas.keepNames('o', newer, 0, entries)
  const copy = { kind: 'copyNames', owner: 'o', ...older, ofStart: newer.start } as const
  disk.do({ ...copy, firstId: 0, count: 4500 })
  await disk.done()
  expect(await replicas.readNames('o', older, 0, 10_000)).toEqual(entries.slice(0, 4500))
  expect(answers).toEqual([])
  disk.do({ ...copy, firstId: 4500, count: 600 })
  await disk.done()
  expect(answers).toMatchObject([{ kind: 'namesLost', owner: 'o', ...older, firstId: 5000 }])
})
