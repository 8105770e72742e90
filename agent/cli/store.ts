/** `lanista store … --data DIR`: the store of a stopped agent, for people who look into it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { LanistaError } from '#protocol/errors.ts'
import { compileSelector } from '#protocol/metrics/selector.ts'
import { queryTimeMsMax } from '#protocol/query/ask.ts'
import { dumpLine, dumpTitles, repairText } from '#protocol/query/store-text.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { openLogger } from '#protocol/runtime/logger.ts'
import { parseTime } from '#protocol/runtime/time.ts'
import type { Address } from '#protocol/subjects/subject.ts'
import { readAddress } from '../identity.ts'
import { exportText } from '../store/inspect/export.ts'
import { openStore } from '../store/open-store.ts'
import type { StoreDamage } from '../store/options.ts'
import type { HistoryStore } from '../store/store.ts'
import type { StoreCommand } from './store-arguments.ts'
import { writeOut } from './write-out.ts'

/** Opened only to be looked at: nothing is dropped for being old or too much. */
const lookOnly = { bytesMax: 2 ** 50, retentionDays: 1_000_000, freeBytesMin: 0 }

/** Does what the command says; 1 when a check finds damage. */
export async function storeCommand(command: StoreCommand): Promise<number> {
  const folder = join(command.data, 'store')
  if (!existsSync(folder)) {
    throw new LanistaError('USAGE', `name the data folder of an agent with --data: found no store in ${command.data}`)
  }
  const damages: StoreDamage[] = []
  const options = command.action === 'stats' ? { folder } : { folder, ...lookOnly }
  await using store = await openStore(options, {
    clock: systemClock,
    logger: openLogger('warn'),
    onDamage: (damage) => damages.push(damage),
  })
  switch (command.action) {
    case 'stats':
      await say(command, await store.report())
      return 0
    case 'check':
      return check(store, command, damages)
    case 'repair':
      return repair(store, command, damages)
    case 'dump':
      return dumpAll(store, command)
    case 'export':
      return exportAll(store, command)
  }
}

async function check(store: HistoryStore, command: StoreCommand, damages: readonly StoreDamage[]): Promise<number> {
  const report = await store.check()
  await say(command, { ...report, found_at_opening: damages })
  return report.damaged + damages.length > 0 ? 1 : 0
}

/** 1 when something cannot be put aside. */
async function repair(store: HistoryStore, command: StoreCommand, damages: StoreDamage[]): Promise<number> {
  const foundAtOpening = [...damages]
  const owner = ownerOf(command)
  const repaired = await store.repair()
  if (command.json) await say(command, { ...owner, ...repaired, is_done: true, found_at_opening: foundAtOpening })
  else await writeOut(repairText(owner, repaired, true))
  return repaired.put_aside < repaired.damaged ? 1 : 0
}

async function dumpAll(store: HistoryStore, { json }: StoreCommand): Promise<number> {
  if (!json) await writeOut(dumpTitles)
  for await (const { entry } of store.dump()) await writeOut(json ? `${JSON.stringify(entry)}\n` : dumpLine(entry))
  return 0
}

async function exportAll(store: HistoryStore, command: StoreCommand): Promise<number> {
  const { match, from, until, format } = command
  const nowMs = systemClock.now()
  const request = {
    matches: match === undefined ? () => true : compileSelector(match),
    fromMs: from === undefined ? -queryTimeMsMax : parseTime(from, nowMs),
    untilMs: until === undefined ? queryTimeMsMax : parseTime(until, nowMs),
  }
  for await (const text of exportText(ownerOf(command), store.read(request), format)) await writeOut(text)
  return 0
}

/** Whose samples they are; nameless where the folder does not say. */
function ownerOf({ data }: StoreCommand): Address {
  return readAddress(data) ?? { tenant: '', cloud: '', host: '' }
}

/** One value: JSON in a line, or for people `key: value` lines. */
async function say({ json }: StoreCommand, value: object): Promise<void> {
  if (json) return writeOut(`${JSON.stringify(value)}\n`)
  const facts = Object.entries(value).map(([key, fact]) => `${key}: ${plain(fact)}`)
  await writeOut(`${facts.join('\n')}\n`)
}

function plain(fact: unknown): string {
  return typeof fact === 'string' ? fact : JSON.stringify(fact)
}
