/** What lies in the store of one host, an entry a line: the shape of `GET /api/v1/store/dump`. */
import { LanistaError } from '#protocol/errors.ts'
import { type Address, hostIdOf } from '#protocol/subjects/subject.ts'
import { unavailable } from './export-text.ts'
import type { PlannedHost } from './plan.ts'
import type { StoreQueries } from './store-queries.ts'

/** Hosts named in a refusal. */
const namedMax = 5

/** The one host of a plan. Throws QUERY_INVALID unless it is one, HOST_UNAVAILABLE when it cannot be asked. */
export function onlyHost(plan: readonly PlannedHost[]): Address {
  const [only] = plan
  if (!only || plan.length > 1) throw notOne(plan)
  if (only.holders.length === 0) throw unavailable(only.owner)
  return only.owner
}

/** Entries as JSON lines, a page at a time. Throws HOST_UNAVAILABLE when the host stops answering: a part is not taken for the whole. */
export async function* dumpText(
  host: Address,
  stores: Pick<StoreQueries, 'dump'>,
  signal: AbortSignal,
): AsyncGenerator<string> {
  try {
    for await (const entries of stores.dump(host, signal)) {
      yield entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')
    }
  } catch (error) {
    signal.throwIfAborted()
    throw unavailable(host, error)
  }
}

function notOne(plan: readonly PlannedHost[]): LanistaError {
  const names = plan.slice(0, namedMax).map(({ owner }) => hostIdOf(owner))
  const found =
    plan.length === 0 ? 'none' : `${plan.length} (${names.join(', ')}${plan.length > namedMax ? ', …' : ''})`
  return new LanistaError('QUERY_INVALID', `name one host with host: found ${found}, expected one`, {
    data: { issues: [{ parameter: 'host', found, expected: 'one host' }] },
  })
}
