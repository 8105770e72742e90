import type { ShownState } from '#protocol/orders/states.ts'
import { parseHostId } from '#protocol/subjects/subject.ts'
import { type OrderRow, shownStateOf } from './order-row.ts'

/** An order as the API shows it. Null = not known, or not yet. */
export interface OrderView {
  readonly id: string
  readonly tenant: string
  readonly cloud: string
  readonly host: string
  readonly verb: string
  readonly key: string
  readonly state: ShownState
  readonly generation: number
  readonly issued_ms: number
  readonly expires_ms: number
  readonly settled_ms: number | null
  /** Why it is in this state: for programs, and for people. */
  readonly code: string | null
  readonly reason: string | null
  readonly progress: string | null
  /** What its handler returned. */
  readonly result: unknown
}

export function orderView(row: OrderRow, nowMs: number): OrderView {
  const { id, target, verb, key, generation, issuedMs, expiresMs, settledMs, code, reason, progress, result } = row
  return {
    id,
    ...parseHostId(target),
    verb,
    key,
    state: shownStateOf(row, nowMs),
    generation,
    issued_ms: issuedMs,
    expires_ms: expiresMs,
    settled_ms: settledMs ?? null,
    code: code ?? null,
    reason: reason ?? null,
    progress: progress ?? null,
    result: result === undefined ? null : (JSON.parse(result) as unknown),
  }
}
