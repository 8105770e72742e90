import { once } from 'node:events'

/** What a command has to speak with: stdout for the answer, stderr for everything else, and the wish to stop. */
export interface Terminal {
  /** Writes to stdout as it is. A reader that went away is no error: `stop` aborts. */
  write(text: string): void
  /** The same; resolves when there is room for more, or at `stop`. */
  writeAll(text: string): Promise<void>
  /** One line on stderr. */
  note(line: string): void
  /** True when stdout is a terminal that a person looks at. */
  readonly isTty: boolean
  /** Columns and rows of that terminal. */
  size(): { readonly columns: number; readonly rows: number }
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborts at the first SIGINT, SIGTERM or SIGHUP, and when stdout's reader is gone. */
  readonly stop: AbortSignal
}

/** `lanista query … | head` must end in silence: EPIPE means that the reader has seen enough. */
function isPipeClosed(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED')
}

/** The process's own terminal. Installs the signal handlers; call it once. */
export function openTerminal(): Terminal {
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.abort(new Error(name)))
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      if (!isPipeClosed(error)) throw error
      if (stream === process.stdout) stop.abort(error)
    })
  }
  return {
    write: (text) => {
      process.stdout.write(text)
    },
    writeAll: async (text) => {
      if (!process.stdout.write(text)) await once(process.stdout, 'drain', { signal: stop.signal })
    },
    note: (line) => {
      process.stderr.write(`${line}\n`)
    },
    isTty: process.stdout.isTTY,
    size: () => ({ columns: process.stdout.columns || 120, rows: process.stdout.rows || 40 }),
    env: process.env,
    stop: stop.signal,
  }
}
