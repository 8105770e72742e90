import { parseSeries } from './answers.ts'
import type { Params } from './client.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import { type ExitCode, usageError } from './exit-code.ts'
import { seriesText } from './series-text.ts'
import type { Terminal } from './terminal.ts'
import { placeVerdict } from './unknown-place.ts'

export interface QueryFlags extends SharedFlags {
  readonly host?: string | undefined
  readonly cloud?: string | undefined
  readonly from?: string | undefined
  readonly until?: string | undefined
  readonly last?: boolean | undefined
  readonly function?: string | undefined
  readonly step?: string | undefined
}

/**
 * `lanista query MATCH`: samples, or a function of them. No matching series is an empty answer, not a failure; that nobody who was asked
 * answered is one, and so is a host that nobody knows. Hosts that did not answer are named on stderr.
 */
export async function runQuery(match: string, flags: QueryFlags, terminal: Terminal): Promise<ExitCode> {
  const params = queryParams(match, flags)
  const client = await openClient(flags, terminal)
  const answer = await client.getFromHosts('/api/v1/query', params, terminal.stop)
  const rows = parseSeries(answer.value)
  if (flags.json) writeJson(terminal, answer.value)
  else terminal.write(seriesText(rows))
  return placeVerdict(answer, rows.length > 0, flags, client, terminal)
}

/** The question as the API takes it. Throws USAGE for flags that contradict each other. */
function queryParams(match: string, flags: QueryFlags): Params {
  const clash = flags.last && (flags.from ?? flags.until ?? flags.function ?? flags.step)
  if (clash) throw usageError('drop --last, or --from, --until, --function and --step: the newest sample has no span')
  if (flags.step !== undefined && flags.function === undefined) {
    throw usageError('add --function NAME: found --step alone, expected a function to apply to each step')
  }
  return {
    match,
    host: flags.host,
    cloud: flags.cloud,
    from: flags.from,
    until: flags.until,
    last: flags.last ? 'true' : undefined,
    function: flags.function,
    step: flags.step,
  }
}
