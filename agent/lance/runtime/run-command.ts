/** Runs one command of an instance in a directory to its end, or to the end of its time. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import type { Clock } from '#protocol/runtime/clock.ts'
import { codeOf } from './inside.ts'
import type { CommandResult } from './instance-runtime.ts'
import { processesMarked, readProcesses, runVariable, signalAll } from './marked-processes.ts'
import { TailText } from './tail-text.ts'

/** Bytes of a command's output that are kept. */
export const outputBytesMax = 16_384
/** How long the output of a command that ended is waited for: a process it left behind may hold it open for ever, ms. */
const drainMs = 100

export interface RunAt {
  readonly folder: string
  readonly environment: Readonly<Record<string, string>>
  readonly timeoutMs: number
}

/**
 * Resolves when the command itself has ended; what it left in the background lives on. When the time is over, or the signal aborts,
 * the command and all it started are killed. A program that is not there is exit code 127, as in a shell. Rejects with the signal's reason.
 */
export async function runCommand(
  command: readonly string[],
  at: RunAt,
  clock: Clock,
  signal: AbortSignal,
): Promise<CommandResult> {
  signal.throwIfAborted()
  const mark = randomUUID()
  const output = new TailText(outputBytesMax)
  const [program = '', ...words] = command
  const child = spawn(program, words, {
    cwd: at.folder,
    env: { ...at.environment, [runVariable]: mark },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Uint8Array) => output.append(chunk))
  let isTimedOut = false
  const kill = (): void => void killRun(child, mark).catch(() => {}) // tried again below, where it is told
  const cancel = clock.after(at.timeoutMs, () => {
    isTimedOut = true
    kill()
  })
  signal.addEventListener('abort', kill, { once: true })
  try {
    const [code, killedBy] = await ended(child, clock, output)
    if (isTimedOut || signal.aborted) await killRun(child, mark)
    if (signal.aborted && !isTimedOut) throw signal.reason
    return { code, signal: killedBy, isOutOfMemory: false, output: output.text, isTimedOut }
  } finally {
    cancel()
    signal.removeEventListener('abort', kill)
    child.stdout.destroy()
    child.stderr.destroy()
  }
}

/** Exit code and signal, once the output has been read or `drainMs` have passed. */
function ended(child: ChildProcess, clock: Clock, output: TailText): Promise<[number | null, string | null]> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      output.append(Buffer.from(`${error.message}\n`))
      resolve([codeOf(error) === 'ENOENT' ? 127 : 126, null])
    })
    child.once('close', (code, killedBy) => resolve([code, killedBy]))
    child.once('exit', (code, killedBy) => clock.after(drainMs, () => resolve([code, killedBy])))
  })
}

/** Kills the process group at once, and then what has left it. */
async function killRun(child: ChildProcess, mark: string): Promise<void> {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  } catch {
    // gone already
  }
  signalAll(processesMarked(await readProcesses(), `${runVariable}=${mark}`), 'SIGKILL')
}
