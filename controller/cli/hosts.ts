import { parseHosts } from './answers.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { hostTableLines } from './host-table.ts'
import type { Terminal } from './terminal.ts'

/** `lanista hosts`: every host the controller knows, with its state and vital signs. */
export async function runHosts(flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.get('/api/v1/hosts', {}, terminal.stop)
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(`${hostTableLines(parseHosts(answer), Date.now()).join('\n')}\n`)
  return 0
}
