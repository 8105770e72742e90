/** Dumps and repairs for people: the same text whether the agent runs or not. */
import type { Address } from '#protocol/subjects/subject.ts'
import type { StoreRepair } from './store-ask.ts'
import type { DumpEntry } from './store-dump.ts'

/** Widths of all columns of a dump but the last; negative = to the right. */
const widths = [-11, -12, -24, -24, 8, 9, -10] as const
const titles = ['KIND', 'DATABASE', 'FIRST', 'LAST', 'SAMPLES', 'BYTES', 'CODEC', 'SERIES']

/** The titles above the lines of a dump, with a newline. */
export const dumpTitles: string = lineOf(titles)

/** One entry of a dump as a line with its newline. */
export function dumpLine(entry: DumpEntry): string {
  const { kind, database, firstMs, lastMs, samples, bytes, codec } = entry
  return lineOf([
    kind,
    database,
    timeOf(firstMs),
    timeOf(lastMs),
    samples?.toString() ?? '-',
    bytes?.toString() ?? '-',
    codec ?? '-',
    subjectOf(entry),
  ])
}

/** What a repair of one store has done, a fact a line. */
export function repairText(
  { cloud, host }: Pick<Address, 'cloud' | 'host'>,
  { damages, ...repair }: Omit<StoreRepair, 'next'>,
  isDone: boolean,
): string {
  const { rows, blocks, pages, tierBlocks, damaged, put_aside } = repair
  const counts = { rows, blocks, pages, tierBlocks, damaged, put_aside, is_done: isDone }
  const facts = Object.entries({ host, cloud, ...counts }).map(([key, fact]) => `${key}: ${fact}`)
  const found = damages.map(({ kind, where, reason }) => `damage: ${kind} ${where}: ${reason}`)
  const rest = repair.damaged > damages.length ? [`damage: ${repair.damaged - damages.length} more`] : []
  return `${[...facts, ...found, ...rest].map(printable).join('\n')}\n`
}

function subjectOf({ series, unit, seriesCount, key, damage }: DumpEntry): string {
  const what = series === undefined ? (key ?? (seriesCount === undefined ? '-' : `${seriesCount} series`)) : series
  return `${what}${unit === undefined ? '' : ` (${unit})`}${damage === undefined ? '' : ` unreadable: ${damage}`}`
}

function timeOf(timeMs: number | undefined): string {
  const date = new Date(timeMs ?? Number.NaN)
  return Number.isNaN(date.getTime()) ? '-' : date.toISOString()
}

function lineOf(cells: readonly string[]): string {
  const padded = cells.map((cell, i) => {
    const width = widths[i] ?? 0
    return width < 0 ? cell.padEnd(-width) : cell.padStart(width)
  })
  return `${printable(padded.join('  ')).trimEnd()}\n`
}

/** A terminal must not obey what a store holds. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?')
}
