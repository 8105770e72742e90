import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import { LanistaError, messageOf } from '#protocol/errors.ts'

/** What a command has to speak with: stdout for the answer, stderr for everything else, and the wish to stop. */
export interface Terminal {
  /** Writes to stdout as it is. A reader that went away is no error: `stop` aborts. */
  write(text: string): void
  /** The same; resolves when there is room for more. Throws the reason of `stop`. */
  writeAll(text: string): Promise<void>
  /** One line on stderr. */
  note(line: string): void
  /** A person's answer to a question on stderr; undefined when nobody can be asked: stdin or stderr is no terminal. */
  ask(question: string): Promise<string | undefined>
  /** True when stdout is a terminal that a person looks at. */
  readonly isTty: boolean
  /** Columns and rows of that terminal. */
  size(): { readonly columns: number; readonly rows: number }
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborts at the first SIGINT, SIGTERM or SIGHUP, when stdout's reader is gone, and with OUTPUT_UNWRITABLE when it takes nothing. */
  readonly stop: AbortSignal
}

/** `lanista query … | head` must end in silence: EPIPE means that the reader has seen enough. */
function isPipeClosed(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED')
}

function unwritable(cause: Error): LanistaError {
  return new LanistaError(
    'OUTPUT_UNWRITABLE',
    `make room where stdout goes: found ${messageOf(cause)}, expected to write the answer there`,
    { cause },
  )
}

/** The process's own terminal. Installs the signal handlers; call it once. */
export function openTerminal(): Terminal {
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.abort(new Error(name)))
  process.stdout.on('error', (error) => stop.abort(isPipeClosed(error) ? error : unwritable(error)))
  process.stderr.on('error', () => undefined) // a log on a full disk must not end what it tells of
  return {
    write: (text) => {
      process.stdout.write(text)
    },
    writeAll: async (text) => {
      if (process.stdout.write(text)) return
      await once(process.stdout, 'drain', { signal: stop.signal }).catch(() => stop.signal.throwIfAborted())
    },
    note: (line) => {
      process.stderr.write(`${line}\n`)
    },
    ask: (question) => askPerson(question, stop.signal),
    isTty: process.stdout.isTTY,
    size: () => ({ columns: process.stdout.columns || 120, rows: process.stdout.rows || 40 }),
    env: process.env,
    stop: stop.signal,
  }
}

async function askPerson(question: string, signal: AbortSignal): Promise<string | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const ended = new AbortController()
  lines.once('close', () => ended.abort())
  // in its raw mode the terminal tells readline of Ctrl-C, not the process
  lines.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  try {
    return await lines.question(question, { signal: AbortSignal.any([signal, ended.signal]) })
  } catch {
    signal.throwIfAborted()
    return ''
  } finally {
    lines.close()
  }
}
