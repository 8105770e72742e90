/** Who changed what, from where, and what came of it: appended, never changed, checked on demand. */
import * as z from 'zod'
import type { RegistryChange, RegistryStore } from '#controller/registry/registry-store.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { Turns } from '#protocol/runtime/turns.ts'
import {
  type AuditEntry,
  ChainCheck,
  type ChainEnds,
  type ChainedEntry,
  chained,
  type Finding,
  genesis,
} from './audit-chain.ts'

/** What the log is told; place and time are its own. */
export type AuditFact = Omit<AuditEntry, 'index' | 'atMs'>

export interface AuditFilter {
  readonly tenant: string
  /** Epoch ms, both included. */
  readonly fromMs: number
  readonly untilMs: number
  /** The newest ones, this many at most. */
  readonly limit: number
}

export interface AuditCheck {
  readonly entries: number
  /** Of the newest entry: noted elsewhere, it shows later that nothing before it was written anew. */
  readonly hash: string
  readonly findings: readonly Finding[]
}

export interface AuditLogOptions {
  /** Entries kept; beyond it the oldest hundredth goes, and the chain begins behind it. Default 200,000. */
  readonly entriesMax?: number | undefined
}

export interface AuditLogDeps {
  readonly registry: RegistryStore
  readonly clock: Pick<Clock, 'now'>
  readonly logger: Logger
}

const entriesMaxDefault = 200_000
/** Entries that wait to be written; more are refused as BUSY. */
const waitingMax = 1024
/** Longest wait for that, ms. */
const turnMsMax = 10_000

const prefix = 'audit!'
const endsKey = 'audit-ends'

const endsSchema: z.ZodType<ChainEnds> = z.object({
  first: z.object({ index: z.int().min(0), previous: z.string() }),
  last: z.object({ index: z.int().min(-1), hash: z.string() }),
})
const rowSchema: z.ZodType<ChainedEntry> = z.object({
  index: z.int().min(0),
  atMs: z.number(),
  who: z.string(),
  from: z.string(),
  tenant: z.string(),
  action: z.string(),
  status: z.number(),
  outcome: z.string(),
  previous: z.string(),
  hash: z.string(),
})

export class AuditLog {
  readonly #deps: AuditLogDeps
  readonly #entriesMax: number
  readonly #turns = new Turns({ atOnceMax: 1, waitingMax })
  #ends: ChainEnds

  private constructor(deps: AuditLogDeps, entriesMax: number, ends: ChainEnds) {
    this.#deps = deps
    this.#entriesMax = entriesMax
    this.#ends = ends
  }

  /** Goes on where the rows end. Entries whose ends were lost are kept, and an entry of our own says that they were. */
  static async open({ entriesMax = entriesMaxDefault }: AuditLogOptions, deps: AuditLogDeps): Promise<AuditLog> {
    const known = endsSchema.safeParse(await deps.registry.get(endsKey)).data
    const ends = known ?? (await endsOfRows(deps.registry))
    const log = new AuditLog(deps, entriesMax, ends)
    if (known === undefined && ends.last.index >= 0) {
      deps.logger.error({ entries: ends.last.index + 1 }, 'audit_ends_lost')
      await log.append({
        who: '_controller',
        from: '',
        tenant: '_controller',
        action: 'opened the log and found its ends gone',
        status: 500,
        outcome: 'AUDIT_ENDS_LOST',
      })
    }
    return log
  }

  /** On disk when the promise resolves. Throws REGISTRY_WRITE_FAILED, BUSY. */
  async append(fact: AuditFact): Promise<void> {
    await this.#turns.run(async () => {
      const { registry, clock } = this.#deps
      const { first, last } = this.#ends
      const row = chained({ ...fact, index: last.index + 1, atMs: clock.now() }, last.hash)
      const kept = await this.#trimmed(first, row.index)
      const ends: ChainEnds = { first: kept.first, last: { index: row.index, hash: row.hash } }
      const changes = [...kept.removed, { key: keyOf(row.index), value: row }, { key: endsKey, value: ends }]
      await registry.write(changes, { sync: true })
      this.#ends = ends
    }, AbortSignal.timeout(turnMsMax))
  }

  /** The newest entries that fit, oldest first. */
  async list({ tenant, fromMs, untilMs, limit }: AuditFilter): Promise<AuditEntry[]> {
    const found: AuditEntry[] = []
    for await (const { row } of this.#rows()) {
      if (row?.tenant !== tenant || row.atMs < fromMs || row.atMs > untilMs) continue
      found.push(row)
      if (found.length > limit) found.shift()
    }
    return found
  }

  /** Reads every row and names those that are changed or missing; what is to be appended waits for it. Throws BUSY. */
  async check(): Promise<AuditCheck> {
    return this.#turns.run(async () => {
      const { first, last } = this.#ends
      const check = new ChainCheck(this.#ends)
      for await (const { index, row } of this.#rows()) check.step(index, row)
      check.end()
      return { entries: last.index - first.index + 1, hash: last.hash, findings: check.findings }
    }, AbortSignal.timeout(turnMsMax))
  }

  async #trimmed(
    first: ChainEnds['first'],
    index: number,
  ): Promise<{ first: ChainEnds['first']; removed: RegistryChange[] }> {
    if (index - first.index < this.#entriesMax) return { first, removed: [] }
    const from = first.index + Math.max(1, Math.floor(this.#entriesMax / 100))
    const before = rowSchema.safeParse(await this.#deps.registry.get(keyOf(from - 1))).data
    const removed: RegistryChange[] = []
    for (let gone = first.index; gone < from; gone++) removed.push({ key: keyOf(gone), remove: true })
    return { first: { index: from, previous: before?.hash ?? genesis }, removed }
  }

  async *#rows(): AsyncIterable<{ index: number; row: ChainedEntry | undefined }> {
    for await (const { key, value } of this.#deps.registry.list(prefix)) {
      yield { index: Number(key.slice(prefix.length)), row: rowSchema.safeParse(value).data }
    }
  }
}

async function endsOfRows(registry: RegistryStore): Promise<ChainEnds> {
  let first = { index: 0, previous: genesis }
  let last = { index: -1, hash: genesis }
  for await (const { value } of registry.list(prefix)) {
    const { data: row } = rowSchema.safeParse(value)
    if (!row) continue
    if (last.index < 0) first = { index: row.index, previous: row.previous }
    last = { index: row.index, hash: row.hash }
  }
  return { first, last }
}

function keyOf(index: number): string {
  return `${prefix}${String(index).padStart(12, '0')}`
}
