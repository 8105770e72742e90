import type { SeriesAnswer } from '#controller/window/query.ts'
import { trueStepMs } from '#controller/window/true-step.ts'
import { type FunctionValue } from '#protocol/aggregation/functions.ts'
import type { Address } from '#protocol/subjects/subject.ts'
import type { CheckedChunk } from './page-check.ts'
import type { Question } from './question.ts'

/** Times and one or two columns of values. */
export interface Columns {
  readonly timestampsMs: Float64Array
  readonly columns: readonly Float64Array[]
}

/** One series of one host, as it will be written: what there is to say of it, and its samples as columns or as pairs. */
export interface Row {
  /** Rows are ordered by this: name, then host. */
  readonly key: string
  readonly head: Omit<SeriesAnswer, 'samples' | 'value'>
  readonly columns?: Columns | undefined
  readonly samples?: SeriesAnswer['samples'] | undefined
  readonly value?: FunctionValue | undefined
}

/** Puts the chunks of one host's answer together, series by series. */
export class RowBuilder {
  readonly #question: Question
  readonly #owner: Address
  readonly #servedBy: string
  readonly #rows: Row[] = []
  #chunks: CheckedChunk[] = []

  constructor(question: Question, owner: Address, servedBy: string) {
    this.#question = question
    this.#owner = owner
    this.#servedBy = servedBy
  }

  /** Series so far. */
  get count(): number {
    return this.#rows.length + (this.#chunks.length > 0 ? 1 : 0)
  }

  add(chunk: CheckedChunk): void {
    if (this.#chunks[0] && this.#chunks[0].canonical !== chunk.canonical) this.#close()
    this.#chunks.push(chunk)
  }

  /** All rows; nothing can be added afterwards. */
  finish(): readonly Row[] {
    this.#close()
    return this.#rows
  }

  #close(): void {
    const [first] = this.#chunks
    if (!first) return
    const { tenant, cloud, host } = this.#owner
    const head = { ...first.series, host, cloud, tenant, unit: first.unit ?? null, served_by: this.#servedBy }
    this.#rows.push({ key: `${first.canonical} ${tenant}.${cloud}.${host}`, ...this.#contents(head, first) })
    this.#chunks = []
  }

  #contents(head: Omit<Row['head'], 'step_ms'>, first: CheckedChunk): Omit<Row, 'key'> {
    const { function: functionName, stepMs } = this.#question
    if (functionName !== undefined && stepMs === undefined) {
      return { head: { ...head, step_ms: null }, value: valueOf(first) }
    }
    const columns = joined(this.#chunks)
    const span = { ...columns, values: columns.timestampsMs, start: 0, end: columns.timestampsMs.length }
    return { head: { ...head, step_ms: stepMs ?? trueStepMs(span) }, columns }
  }
}

/** A row out of the controller's own window. */
export function windowRow(answer: SeriesAnswer, canonical: string): Row {
  const { samples, value, ...head } = answer
  return {
    key: `${canonical} ${head.tenant}.${head.cloud}.${head.host}`,
    head,
    ...(samples === undefined ? { value: value ?? null } : { samples }),
  }
}

function valueOf({ columns }: CheckedChunk): FunctionValue {
  const [first, second] = columns
  const slope = first?.[0]
  if (slope === undefined) return null
  const intercept = second?.[0]
  return intercept === undefined ? slope : { slope, intercept }
}

function joined(chunks: readonly CheckedChunk[]): Columns {
  const [first] = chunks
  if (first && chunks.length === 1) return first
  const width = first?.columns.length ?? 0
  return {
    timestampsMs: concatenated(chunks.map((chunk) => chunk.timestampsMs)),
    columns: Array.from({ length: width }, (_, i) =>
      concatenated(chunks.map(({ columns }) => columns[i] as Float64Array)),
    ),
  }
}

function concatenated(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
