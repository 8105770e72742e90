import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { openStore } from '../open-store.ts'
import type { HistoryStore } from '../store.ts'

const deps = { clock: systemClock, logger: silentLogger }
let folder: string
let store: HistoryStore

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arrivals-'))
  store = await openStore({ folder, sync: 'always', freeBytesMin: 0 }, deps)
})

afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Ten samples a commit, valued by their position. */
async function fill(commits: number): Promise<void> {
  const id = store.seriesId('a')
  for (let i = 0; i < commits; i++) {
    for (let j = 0; j < 10; j++) store.append(id, 1000 + i * 10 + j, i * 10 + j)
    await store.commit()
  }
}

describe('reading by position', () => {
  test('gives any stretch of the journal, across rows, cut to what was asked for', async () => {
    const first = store.nextPosition
    await fill(3)
    expect(store.syncedTo).toBe(first + 29)
    expect(await store.arrivalsFrom()).toBe(first)
    const { run, void: empty } = await store.readArrivals({ from: first + 5, to: first + 24 }, 100)
    expect(run).toMatchObject({ from: first + 5, to: first + 24 })
    expect([...(run?.values ?? [])]).toEqual(Array.from({ length: 20 }, (_, i) => i + 5))
    expect(empty).toBeUndefined()
    const few = await store.readArrivals({ from: first + 5, to: first + 24 }, 7)
    expect(few.run).toMatchObject({ from: first + 5, to: first + 11 })
  })

  test('says how far there is nothing, so that what an opening skipped is passed in one step', async () => {
    const first = store.nextPosition
    await fill(1)
    await store.close()
    store = await openStore({ folder, sync: 'always', freeBytesMin: 0 }, deps)
    const second = store.nextPosition
    expect(second).toBeGreaterThan(first + 10)
    expect(await store.readArrivals({ from: second - 5, to: second - 1 }, 100)).toEqual({
      void: { from: first + 10, to: second - 1 },
    })
    await fill(1)
    const across = await store.readArrivals({ from: second - 5, to: second + 1 }, 100)
    expect(across.run).toMatchObject({ from: second, to: second + 1 })
    expect(across.void).toEqual({ from: second - 5, to: second - 1 })
  })
})
