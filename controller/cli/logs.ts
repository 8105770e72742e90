/** `lanista logs`: what an instance writes. */
import { openClient, type SharedFlags, writeJson } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { instancesPath } from './instances.ts'
import { printable } from './table.ts'
import type { Terminal } from './terminal.ts'

export interface LogsFlags extends SharedFlags {
  readonly follow?: boolean | undefined
  readonly lines?: string | undefined
}

/** A line that has no end is shown in pieces of so many characters. */
const lineMax = 65_536

/** Its lines as they come, nothing in them for a terminal to obey; `--json` one JSON text a line. */
export async function runLogs(
  name: string,
  { follow, lines, ...flags }: LogsFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const path = `${instancesPath}/${encodeURIComponent(name)}/log`
  try {
    const response = await client.open(path, { lines, follow: follow ? '1' : undefined }, terminal.stop)
    for await (const line of linesOf(response)) {
      if (flags.json) writeJson(terminal, line)
      else await terminal.writeAll(`${printable(line)}\n`)
    }
  } catch (error) {
    if (!follow || !terminal.stop.aborted) throw error
  }
  return 0
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of response.body ?? []) {
    rest += decoder.decode(bytes as Uint8Array, { stream: true })
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    yield* lines
    if (rest.length < lineMax) continue
    yield rest
    rest = ''
  }
  if (rest !== '') yield rest
}
