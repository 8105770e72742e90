/** All samples as text, one a line, while they come: the shape of `GET /api/v1/export`. */
import { LanistaError } from '#protocol/errors.ts'
import { type Address, hostIdOf } from '#protocol/subjects/subject.ts'
import { type HolderDeps, pagesOf } from './holder.ts'
import type { CheckedChunk } from './page-check.ts'
import type { PlannedHost } from './plan.ts'
import type { Question } from './question.ts'

/** `json`: one JSON object a sample; `csv`: RFC 4180 with a header line. */
export const exportFormats = ['json', 'csv'] as const
export type ExportFormat = (typeof exportFormats)[number]

/**
 * The samples of the hosts, host by host, a page at a time. Throws HOST_UNAVAILABLE when a host does not answer: a part is not taken for
 * the whole.
 */
export async function* exportText(
  plan: readonly PlannedHost[],
  question: Question,
  format: ExportFormat,
  deps: HolderDeps,
  signal: AbortSignal,
): AsyncGenerator<string> {
  if (format === 'csv') yield 'tenant,cloud,host,series,timestampMs,value\n'
  for (const { owner, holders } of plan) {
    const [holder] = holders
    if (!holder) throw unavailable(owner)
    const patience = { signal, endMs: Number.POSITIVE_INFINITY }
    try {
      for await (const { chunks } of pagesOf({ owner, holder }, question, deps, patience)) {
        for (const chunk of chunks) yield linesOf(chunk, owner, format)
      }
    } catch (error) {
      signal.throwIfAborted()
      throw unavailable(owner, error)
    }
  }
}

/** Throws HOST_UNAVAILABLE for the first host that nobody can be asked about. */
export function refuseUnavailable(plan: readonly PlannedHost[]): void {
  for (const { owner, holders } of plan) if (holders.length === 0) throw unavailable(owner)
}

function linesOf(
  { canonical, series, timestampsMs, columns }: CheckedChunk,
  owner: Address,
  format: ExportFormat,
): string {
  const { tenant, cloud, host } = owner
  const values = columns[0] as Float64Array
  const head =
    format === 'csv'
      ? [tenant, cloud, host, quote(canonical)].join(',')
      : JSON.stringify({ ...series, tenant, cloud, host }).slice(0, -1)
  let text = ''
  for (let i = 0; i < timestampsMs.length; i++) {
    const value = values[i] as number
    const written = Object.is(value, -0) ? '-0' : String(value)
    const time = timestampsMs[i] as number
    text += format === 'csv' ? `${head},${time},${written}\n` : `${head},"timestampMs":${time},"value":${written}}\n`
  }
  return text
}

function quote(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function unavailable(host: Address, cause?: unknown): LanistaError {
  return new LanistaError(
    'HOST_UNAVAILABLE',
    `start the agent ${hostIdOf(host)}, or leave it out with host or cloud: found no answer, expected all of its samples`,
    { cause, data: { host: hostIdOf(host) } },
  )
}
