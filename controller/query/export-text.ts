/** All samples as text, one a line, while they come: the shape of `GET /api/v1/export`. */
import { LanistaError } from '#protocol/errors.ts'
import { type ExportFormat, exportLines, exportTitle } from '#protocol/query/export-lines.ts'
import { type Address, hostIdOf } from '#protocol/subjects/subject.ts'
import { type Holder, type HolderDeps, pagesOf } from './holder.ts'
import type { PlannedHost } from './plan.ts'
import type { Question } from './question.ts'

export interface ExportDeps extends HolderDeps {
  /** The samples of a host that does not answer. */
  readonly textOfGone: (owner: Address) => AsyncIterable<string>
}

/**
 * The samples of the hosts, host by host, a page at a time; of one that is gone `textOfGone` has them. Throws HOST_UNAVAILABLE when a host
 * does not answer: a part is not taken for the whole.
 */
export async function* exportText(
  plan: readonly PlannedHost[],
  question: Question,
  format: ExportFormat,
  deps: ExportDeps,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let title = exportTitle(format) // with the first samples: until something is sent a failure can be told as such
  for (const { owner, holders } of plan) {
    const [holder] = holders
    for await (const text of holder
      ? ownText({ owner, holder }, question, format, deps, signal)
      : deps.textOfGone(owner)) {
      yield title + text
      title = ''
    }
  }
  if (title !== '') yield title
}

/** The samples of a host out of its own store; out of copies where it does not say anything. */
async function* ownText(
  holder: Holder,
  question: Question,
  format: ExportFormat,
  deps: ExportDeps,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const { owner } = holder
  let hasAnswered = false
  try {
    for await (const { chunks } of pagesOf(holder, question, deps, { signal, endMs: Number.POSITIVE_INFINITY })) {
      hasAnswered = true
      for (const { canonical, timestampsMs, columns } of chunks) {
        yield exportLines(owner, canonical, { timestampsMs, values: columns[0] as Float64Array }, format)
      }
    }
  } catch (error) {
    signal.throwIfAborted()
    if (hasAnswered) throw unavailable(owner, error)
    yield* deps.textOfGone(owner)
  }
}

/** HOST_UNAVAILABLE: what cannot be had in part needs this host. */
export function unavailable(host: Address, cause?: unknown): LanistaError {
  return new LanistaError(
    'HOST_UNAVAILABLE',
    `start the agent ${hostIdOf(host)}, or leave it out with host or cloud: found no answer, expected all of its samples`,
    { cause, data: { host: hostIdOf(host) } },
  )
}
