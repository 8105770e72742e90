/** `lanista exec`: one command inside an instance. */
import { z } from 'zod'
import { parseDuration } from '#protocol/runtime/time.ts'
import { parseAnswer } from './answers.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import { type ExitCode, usageError } from './exit-code.ts'
import { instancesPath } from './instances.ts'
import type { Terminal } from './terminal.ts'

export interface ExecFlags extends SharedFlags {
  readonly timeout?: string | undefined
}

const outcomeSchema = z.object({
  code: z.number().nullable(),
  signal: z.string().nullable(),
  output: z.string(),
  is_timed_out: z.boolean(),
})
/** Where nobody says otherwise the controller gives a command so long, ms. */
const usualMs = 60_000
/** How much longer than the command the answer may take, ms. */
const marginMs = 60_000

/** Its output on stdout; 1 when it ended otherwise than with 0. */
export async function runExec(
  name: string,
  command: readonly string[],
  { timeout, ...flags }: ExecFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  if (command.length === 0) throw usageError(`say what to run: lanista exec ${name} -- COMMAND`)
  const deadlineMs = (timeout === undefined ? usualMs : parseDuration(timeout)) + marginMs
  const client = await openClient(flags, terminal, deadlineMs)
  const sent = { type: 'application/json', text: JSON.stringify({ command, timeout }) }
  const path = `${instancesPath}/${encodeURIComponent(name)}/exec`
  const answer = await client.send('POST', path, {}, sent, terminal.stop)
  const { code, signal, output, is_timed_out: isTimedOut } = parseAnswer(outcomeSchema, answer, 'exec')
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(output)
  if (code === 0) return 0
  const end = isTimedOut ? 'the time was over' : signal === null ? `exit code ${code}` : `signal ${signal}`
  terminal.note(`lanista: the command did not succeed: ${end}`)
  return 1
}
