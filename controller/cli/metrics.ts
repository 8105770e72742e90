import { parseMetrics } from './answers.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { metricsText } from './series-text.ts'
import type { Terminal } from './terminal.ts'

export interface MetricsFlags extends SharedFlags {
  readonly host?: string | undefined
  readonly cloud?: string | undefined
}

/** `lanista metrics [MATCH]`: the series whose name and tags match, all when nothing is given. */
export async function runMetrics(
  match: string | undefined,
  flags: MetricsFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.get('/api/v1/metrics', { match, host: flags.host, cloud: flags.cloud }, terminal.stop)
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(metricsText(parseMetrics(answer)))
  return 0
}
