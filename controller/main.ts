/** Entry of `dist/lanista.mjs`: runs one command, says what failed in one line, and leaves with the exit code of DESIGN. */
import { isLanistaError, messageOf } from '#protocol/errors.ts'
import { exitCodeOf } from './cli/exit-code.ts'
import { runProgram } from './cli/program.ts'
import { openTerminal, type Terminal } from './cli/terminal.ts'

/** Keeps the process alive while a command runs: the clock's own timers do not, and some waits have nothing else. */
const aliveMs = 60_000

async function main(args: readonly string[], terminal: Terminal): Promise<number> {
  const alive = setInterval(() => undefined, aliveMs)
  try {
    return await runProgram(args, terminal)
  } catch (error) {
    if (terminal.stop.aborted && error === terminal.stop.reason) return 0 // Ctrl-C, or stdout's reader is gone
    terminal.note(`lanista: ${messageOf(error)}`)
    if (!isLanistaError(error) && error instanceof Error && error.stack) terminal.note(error.stack)
    return exitCodeOf(error)
  } finally {
    clearInterval(alive)
  }
}

/** What stdout did not take shows when all is written: an answer that is lost is a failure, whatever the command thought of it. */
function lastWord(code: number, { stop, note }: Terminal): number {
  const reason: unknown = stop.reason
  if (!isLanistaError(reason)) return code
  note(`lanista: ${reason.message}`)
  return 1
}

const terminal = openTerminal()
const code = await main(process.argv.slice(2), terminal)
// everything of ours is closed by now; a client library's half-open socket must not hold the process
process.stdout.write('', () =>
  // a stream tells of a write that failed some ticks after it
  setImmediate(() => {
    const last = lastWord(code, terminal)
    process.stderr.write('', () => process.exit(last))
  }),
)
