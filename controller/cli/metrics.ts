import { parseMetrics } from './answers.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { metricsText } from './series-text.ts'
import type { Terminal } from './terminal.ts'
import { placeVerdict } from './unknown-place.ts'

export interface MetricsFlags extends SharedFlags {
  readonly host?: string | undefined
  readonly cloud?: string | undefined
}

/**
 * `lanista metrics [MATCH]`: the series in the agents' stores whose name and tags match, all when nothing is given. Hosts that did not
 * answer are named on stderr; `*` marks what the controller's window knows of them.
 */
export async function runMetrics(
  match: string | undefined,
  flags: MetricsFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.getFromHosts(
    '/api/v1/metrics',
    { match, host: flags.host, cloud: flags.cloud },
    terminal.stop,
  )
  const metrics = parseMetrics(answer.value)
  if (flags.json) writeJson(terminal, answer.value)
  else terminal.write(metricsText(metrics))
  return placeVerdict(answer, metrics.length > 0, flags, client, terminal)
}
