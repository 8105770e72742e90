import { isLanistaError, messageOf } from '#protocol/errors.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { parseHosts } from './answers.ts'
import type { ControllerClient } from './client.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { hostTableLines } from './host-table.ts'
import { LiveBlock } from './live.ts'
import type { Terminal } from './terminal.ts'

/** Time between two drawings, ms. */
const intervalMs = 1_000

/**
 * `lanista top`: the table of hosts, redrawn each second until Ctrl-C. With `--json` an array of hosts each second, one a line.
 * Without a terminal and without `--json` the table is printed once.
 */
export async function runTop(flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const first = await client.get('/api/v1/hosts', {}, terminal.stop)
  if (flags.json) return repeat(client, first, terminal, (answer) => writeJson(terminal, answer), terminal.note)
  if (!terminal.isTty) {
    terminal.write(`${hostTableLines(parseHosts(first), Date.now()).join('\n')}\n`)
    return 0
  }
  const block = new LiveBlock(terminal)
  const draw = (answer: unknown): void =>
    block.draw([`${client.url}  ${new Date().toISOString()}`, ...hostTableLines(parseHosts(answer), Date.now())])
  return repeat(client, first, terminal, draw, (line) => block.draw([line]))
}

/** Shows answers until stopped. A controller that goes away is reported and asked again: it may be restarting. */
async function repeat(
  client: ControllerClient,
  first: unknown,
  terminal: Terminal,
  show: (answer: unknown) => void,
  report: (line: string) => void,
): Promise<ExitCode> {
  try {
    show(first)
    while (!terminal.stop.aborted) {
      await systemClock.sleep(intervalMs, terminal.stop)
      try {
        show(await client.get('/api/v1/hosts', {}, terminal.stop))
      } catch (error) {
        if (!isLanistaError(error, 'UNREACHABLE')) throw error
        report(messageOf(error))
      }
    }
  } catch (error) {
    if (!terminal.stop.aborted) throw error
  }
  return 0
}
