/** Asks the agents of a cloud for what they hold of a host that does not answer itself. */
import { type Address, hostIdOf } from '#protocol/subjects/subject.ts'
import { AnswerSize } from './answer-size.ts'
import { forEachAtOnce } from './at-once.ts'
import type { Asking, HolderRows } from './holder-rows.ts'
import { type CopyAnswer, mergeCopies } from './merge-copies.ts'
import type { PlannedHost } from './plan.ts'
import type { Row } from './rows.ts'

/** Agents asked at once for what they hold of one host; those without copies say so at once. */
const matesAtOnceMax = 8

/** The rows of one holder, and where it stands in the list of those asked. */
interface Found {
  readonly place: number
  readonly address: Address
  readonly rows: readonly Row[]
}

/**
 * Its rows out of all copies that there are; undefined when nobody holds any, or nobody answers. A host that lost a store is asked
 * too, first: its present store is one more copy.
 * @throws LanistaError ANSWER_TOO_LARGE, QUERY_TOO_LARGE; the signal's reason
 */
export async function rowsFromCopies(
  { owner, holders: own, mates, hasLostStore }: PlannedHost,
  asking: Asking,
  size: AnswerSize,
  holders: Pick<HolderRows, 'ask'>,
): Promise<readonly Row[] | undefined> {
  const others = mates.filter((mate) => hostIdOf(mate) !== hostIdOf(owner))
  const asked = hasLostStore ? [...own, ...others] : others
  const found: Found[] = []
  await forEachAtOnce([...asked.entries()], matesAtOnceMax, async ([place, address]) => {
    // copies count once, put together: until then each is bounded on its own
    const rows = await holders.ask({ owner, holder: address }, asking, new AnswerSize(asking.limits))
    if (rows) found.push({ place, address, rows })
  })
  if (found.length === 0) return undefined
  found.sort((a, b) => a.place - b.place)
  const isWeighed = asking.question.function !== undefined && found.length > 1
  const counting = { ...asking, question: { ...asking.question, function: 'count' } }
  const copies = await Promise.all(
    found.map(async ({ address, rows }): Promise<CopyAnswer> => {
      if (!isWeighed) return { holder: address.host, rows }
      const counts = await holders.ask({ owner, holder: address }, counting, new AnswerSize(asking.limits))
      return { holder: address.host, rows, counts }
    }),
  )
  const merged = mergeCopies(copies, asking.question)
  for (const { columns } of merged) size.add(1, Math.max(1, columns?.timestampsMs.length ?? 1))
  return merged
}
