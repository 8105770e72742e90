/** All samples as text, one a line, while they come: the shape of `GET /api/v1/export`. */
import { LanistaError } from '#protocol/errors.ts'
import { type ExportFormat, exportLines, exportTitle } from '#protocol/query/export-lines.ts'
import { type Address, hostIdOf } from '#protocol/subjects/subject.ts'
import { type HolderDeps, pagesOf } from './holder.ts'
import type { PlannedHost } from './plan.ts'
import type { Question } from './question.ts'

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
  let title = exportTitle(format) // with the first samples: until something is sent a failure can be told as such
  for (const { owner, holders } of plan) {
    const [holder] = holders
    if (!holder) throw unavailable(owner)
    const patience = { signal, endMs: Number.POSITIVE_INFINITY }
    try {
      for await (const { chunks } of pagesOf({ owner, holder }, question, deps, patience)) {
        for (const { canonical, timestampsMs, columns } of chunks) {
          yield title + exportLines(owner, canonical, { timestampsMs, values: columns[0] as Float64Array }, format)
          title = ''
        }
      }
    } catch (error) {
      signal.throwIfAborted()
      throw unavailable(owner, error)
    }
  }
  if (title !== '') yield title
}

/** Throws HOST_UNAVAILABLE for the first host that nobody can be asked about. */
export function refuseUnavailable(plan: readonly PlannedHost[]): void {
  for (const { owner, holders } of plan) if (holders.length === 0) throw unavailable(owner)
}

/** HOST_UNAVAILABLE: what cannot be had in part needs this host. */
export function unavailable(host: Address, cause?: unknown): LanistaError {
  return new LanistaError(
    'HOST_UNAVAILABLE',
    `start the agent ${hostIdOf(host)}, or leave it out with host or cloud: found no answer, expected all of its samples`,
    { cause, data: { host: hostIdOf(host) } },
  )
}
