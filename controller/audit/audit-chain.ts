/** Entries chained by their hashes: each names the one before, so that none is changed, taken out or slipped in unseen. */
import { createHash } from 'node:crypto'

/** Somebody changed something, or tried to. */
export interface AuditEntry {
  /** Place in the chain, from 0, without gaps. */
  readonly index: number
  readonly atMs: number
  /** User name; `_controller` for the controller itself. */
  readonly who: string
  /** Address the request came from; empty for the controller itself. */
  readonly from: string
  readonly tenant: string
  /** `PUT /api/v1/applications/shop?generation=3`: method, path and query. Bodies, where secrets are, never. */
  readonly action: string
  /** HTTP status of the answer. */
  readonly status: number
  /** `done`, or the code of the refusal. */
  readonly outcome: string
}

/** An entry in its place. */
export interface ChainedEntry extends AuditEntry {
  /** Hash of the entry before; of the first one `genesis`. */
  readonly previous: string
  readonly hash: string
}

/** Both ends of the chain: what is missing at an end shows against them. */
export interface ChainEnds {
  /** The oldest entry that is kept, and the hash before it. */
  readonly first: { readonly index: number; readonly previous: string }
  /** The newest one. */
  readonly last: { readonly index: number; readonly hash: string }
}

export interface Finding {
  readonly index: number
  readonly kind: 'changed' | 'missing'
}

/** What stands before the very first entry. */
export const genesis: string = '0'.repeat(64)
/** Findings told at most: one broken place can be the beginning of many. */
const findingsMax = 100

/** Chains an entry to the hash before it. */
export function chained(entry: AuditEntry, previous: string): ChainedEntry {
  return { ...entry, previous, hash: hashOf(entry, previous) }
}

/** SHA-256, as hex, of the JSON list of everything an entry says, in the order of its fields, the previous hash last. */
function hashOf(entry: AuditEntry, previous: string): string {
  const { index, atMs, who, from, tenant, action, status, outcome } = entry
  const said = ['lanista audit 1', index, atMs, who, from, tenant, action, status, outcome, previous]
  return createHash('sha256').update(JSON.stringify(said)).digest('hex')
}

/** Walks the rows of a chain in order and names what is wrong with it. */
export class ChainCheck {
  readonly findings: Finding[] = []
  readonly #ends: ChainEnds
  #next: number
  /** Hash that the next entry must name; undefined where the one before cannot be known. */
  #hash: string | undefined

  constructor(ends: ChainEnds) {
    this.#ends = ends
    this.#next = ends.first.index
    this.#hash = ends.first.previous
  }

  /** @param index where the row lies, whatever it says itself */
  step(index: number, row: ChainedEntry | undefined): void {
    for (; this.#next < index; this.#next++) {
      this.#find(this.#next, 'missing')
      this.#hash = undefined
    }
    const isWhole = row !== undefined && row.index === index && row.hash === hashOf(row, row.previous)
    if (!isWhole) this.#find(index, 'changed')
    else if (this.#hash !== undefined && row.previous !== this.#hash)
      this.#find(Math.max(index - 1, this.#ends.first.index), 'changed')
    this.#next = index + 1
    this.#hash = row?.hash
  }

  /** After the last row. */
  end(): void {
    const { last } = this.#ends
    for (; this.#next <= last.index; this.#next++) {
      this.#find(this.#next, 'missing')
      this.#hash = undefined
    }
    if (this.#hash !== undefined && this.#hash !== last.hash) this.#find(this.#next - 1, 'changed')
  }

  #find(index: number, kind: Finding['kind']): void {
    if (this.findings.length >= findingsMax || this.findings.some((known) => known.index === index)) return
    this.findings.push({ index, kind })
  }
}
