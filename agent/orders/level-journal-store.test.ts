import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { silentLogger } from '#protocol/runtime/logger.ts'
import type { JournalRow } from './journal-row.ts'
import { LevelJournalStore } from './level-journal-store.ts'

const deps = { nowMs: () => 1_700_000_000_000, logger: silentLogger }
const times = { issuedMs: 1, expiresMs: 2, keepUntilMs: 3 }
const row: JournalRow = {
  id: 'ord-1',
  verb: 'work',
  key: 'k',
  generation: 7,
  ...times,
  state: 'started',
  body: '{"a":"ü"}',
  isAcknowledged: false,
}

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanista-journal-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

it('has what was written, under the same id, when it is opened again', async () => {
  const first = await LevelJournalStore.open(folder, deps)
  const facts = { ...first.facts, session: 3, floorMs: 5 }
  await first.write({ facts, rows: new Map([['ord-1', row]]), sync: true })
  await first.write({ facts, rows: new Map([['ord-0', { ...row, id: 'ord-0' }]]), sync: false })
  await first.write({ facts, rows: new Map([['ord-0', undefined]]), sync: false })
  await first.close()

  const second = await LevelJournalStore.open(folder, deps)
  expect(second.facts).toEqual(facts)
  expect(second.rows).toEqual([row])
  await second.close()
})

it('is another journal, and empty, when anything of it was lost', async () => {
  const first = await LevelJournalStore.open(folder, deps)
  await first.write({ facts: first.facts, rows: new Map([['ord-1', row]]), sync: true })
  await first.close()
  await writeFile(join(folder, 'CURRENT'), 'nonsense\n')

  const second = await LevelJournalStore.open(folder, deps)
  expect(second.facts.journal).not.toBe(first.facts.journal)
  expect(second.rows).toEqual([])
  await second.close()
})

it('cannot be opened twice at once', async () => {
  const first = await LevelJournalStore.open(folder, deps)
  await expect(LevelJournalStore.open(folder, deps)).rejects.toMatchObject({ code: 'STORE_LOCKED' })
  await first.close()
})
