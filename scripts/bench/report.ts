import { cpus, release, totalmem } from 'node:os'
import { createInterface } from 'node:readline'

/** One row of a table: what was measured, and the figures. */
export type Row = Readonly<Record<string, string | number>>

/** Machine and date, so that figures can be read for what they are. */
export function machine(): string {
  const cpu = cpus()[0]?.model ?? 'unknown processor'
  const gib = Math.round(totalmem() / 2 ** 30)
  return `${new Date().toISOString().slice(0, 16)} UTC, ${cpus().length} × ${cpu}, ${gib} GiB, Linux ${release()}, Node ${process.versions.node}`
}

/** A Markdown table on stdout. */
export function printTable(title: string, rows: readonly Row[]): void {
  const columns = Object.keys(rows[0] ?? {})
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`
  const body = rows.map((row) => line(columns.map((column) => row[column] ?? '')))
  console.log([`\n### ${title}`, '', line(columns), line(columns.map(() => '---')), ...body].join('\n'))
}

/** The value at quantile `q` of unsorted figures. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
}

/** A count for people, in millions. */
export function million(n: number): string {
  return `${(n / 1e6).toFixed(2)} M`
}

/** The first line of a child's output; throws when it ends without one. */
export async function firstLine(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) return line
  throw new Error('the process ended without a word')
}
