import type { Terminal } from './terminal.ts'

/** A terminal that remembers what was said, for tests. */
export interface FakeTerminal extends Terminal {
  /** All of stdout so far. */
  written(): string
  /** The lines on stderr so far. */
  readonly notes: readonly string[]
  /** What Ctrl-C does. */
  interrupt(): void
}

export interface FakeTerminalOptions {
  readonly columns?: number
  readonly rows?: number
  readonly isTty?: boolean
  /** What a person answers to each question; absent = nobody is there. */
  readonly answer?: string
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** A terminal without a process. */
export function fakeTerminal(options: FakeTerminalOptions = {}): FakeTerminal {
  const stop = new AbortController()
  const notes: string[] = []
  let text = ''
  return {
    write: (more) => {
      text += more
    },
    writeAll: (more) => {
      text += more
      return Promise.resolve()
    },
    note: (line) => {
      notes.push(line)
    },
    ask: async (question) => {
      if (options.answer !== undefined) notes.push(question)
      return options.answer
    },
    isTty: options.isTty ?? false,
    size: () => ({ columns: options.columns ?? 120, rows: options.rows ?? 40 }),
    env: options.env ?? {},
    stop: stop.signal,
    written: () => text,
    notes,
    interrupt: () => stop.abort(new Error('SIGINT')),
  }
}
