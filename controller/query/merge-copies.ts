/** What several agents hold of one owner, as one answer: each may lack what the others have. Pure. */
import { trueStepMs } from '#controller/window/true-step.ts'
import type { Question } from './question.ts'
import type { Columns, Row } from './rows.ts'

/** The answer of one holder of copies. */
export interface CopyAnswer {
  /** Its host token. */
  readonly holder: string
  readonly rows: readonly Row[]
  /** For a function: how many samples stand behind each value; rows of the function `count`. */
  readonly counts?: readonly Row[] | undefined
}

/** One series as one holder has it. */
interface CopyRow {
  readonly holder: string
  readonly row: Row
  readonly count: Row | undefined
}

/**
 * Every series that a holder has, its samples those of all holders together, each time once. A function cannot be put together from
 * parts: of several values for one window that of the most samples is taken, of equal ones the first holder's. `served_by` is whoever
 * contributes most.
 */
export function mergeCopies(copies: readonly CopyAnswer[], question: Question): Row[] {
  const found = new Map<string, CopyRow[]>()
  for (const { holder, rows, counts } of copies) {
    const countOf = new Map(counts?.map((row) => [row.key, row]))
    for (const row of rows) {
      const copy = { holder, row, count: countOf.get(row.key) }
      const same = found.get(row.key)
      if (same) same.push(copy)
      else found.set(row.key, [copy])
    }
  }
  return [...found.values()].map((same) => mergeSeries(same, question))
}

function mergeSeries(copies: readonly CopyRow[], question: Question): Row {
  const [first] = copies as [CopyRow]
  if (copies.length === 1) return first.row
  return first.row.columns ? joined(copies, question) : bestValue(copies)
}

/** Functions without a step: one value each. */
function bestValue(copies: readonly CopyRow[]): Row {
  const countOf = ({ count }: CopyRow): number => (typeof count?.value === 'number' ? count.value : 0)
  return copies.reduce((best, copy) => (countOf(copy) > countOf(best) ? copy : best)).row
}

/** Samples, or values by window. */
function joined(copies: readonly CopyRow[], { last, names, function: functionName, stepMs }: Question): Row {
  const [{ row }] = copies as [CopyRow]
  const union = copies.map(pointsOf).reduce(unionOf)
  const columns = last || names ? newestOf(union) : union
  const { length } = columns.timestampsMs
  const span = { ...columns, values: columns.timestampsMs, start: 0, end: length }
  const isStepped = functionName !== undefined && stepMs !== undefined
  const unit = copies.find((copy) => copy.row.head.unit !== null)?.row.head.unit ?? null
  const served_by = copies[mostFrequent(columns.from)]?.holder ?? row.head.served_by
  const head = { ...row.head, unit, served_by, step_ms: isStepped ? stepMs : trueStepMs(span) }
  return { key: row.key, head, columns: { timestampsMs: columns.timestampsMs, columns: columns.columns } }
}

/** Columns that know whom they are from, and how much each value weighs. */
interface Points extends Columns {
  /** Place of the holder in the list of copies. */
  readonly from: Float64Array
  readonly weights: Float64Array
}

function pointsOf({ row, count }: CopyRow, place: number): Points {
  const { timestampsMs, columns } = row.columns as Columns
  const weightOf = new Map<number, number>()
  for (const [i, time] of (count?.columns?.timestampsMs ?? []).entries()) {
    weightOf.set(time, count?.columns?.columns[0]?.[i] ?? 0)
  }
  return {
    timestampsMs,
    columns,
    from: new Float64Array(timestampsMs.length).fill(place),
    weights: timestampsMs.map((time) => weightOf.get(time) ?? 0),
  }
}

/** The times of both, ascending; where both have one, the heavier value, of equal ones the left. */
function unionOf(left: Points, right: Points): Points {
  if (left.timestampsMs.length === 0) return right
  const picks = new Int32Array(left.timestampsMs.length + right.timestampsMs.length) // places at the left, ~places at the right
  let length = 0
  for (let l = 0, r = 0; l < left.timestampsMs.length || r < right.timestampsMs.length; ) {
    const [a, b] = [left.timestampsMs[l] ?? Infinity, right.timestampsMs[r] ?? Infinity]
    const isRight = b < a || (a === b && (right.weights[r] ?? 0) > (left.weights[l] ?? 0))
    picks[length++] = isRight ? ~r : l
    if (a <= b) l++
    if (b <= a) r++
  }
  const chosen = picks.subarray(0, length)
  const picked = (of: (points: Points) => ArrayLike<number> | undefined): Float64Array => {
    const [lefts = [], rights = []] = [of(left), of(right)]
    return Float64Array.from(chosen, (pick) => (pick < 0 ? rights[~pick] : lefts[pick]) ?? 0)
  }
  return {
    timestampsMs: picked(({ timestampsMs }) => timestampsMs),
    columns: left.columns.map((_, i) => picked(({ columns }) => columns[i])),
    from: picked(({ from }) => from),
    weights: picked(({ weights }) => weights),
  }
}

function newestOf({ timestampsMs, columns, from, weights }: Points): Points {
  return {
    timestampsMs: timestampsMs.slice(-1),
    columns: columns.map((column) => column.slice(-1)),
    from: from.slice(-1),
    weights: weights.slice(-1),
  }
}

/** The smallest of the most frequent numbers; 0 when there are none. */
function mostFrequent(numbers: Float64Array): number {
  const counts = new Map<number, number>()
  for (const number of numbers) counts.set(number, (counts.get(number) ?? 0) + 1)
  let best = 0
  for (const [number, count] of counts) {
    const most = counts.get(best) ?? 0
    if (count > most || (count === most && number < best)) best = number
  }
  return best
}
