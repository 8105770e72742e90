import type { Logger, LogLevel } from '#protocol/runtime/logger.ts'

/** Lines kept; the oldest goes first. */
const linesMax = 4

/** The last warnings and errors, for a terminal that shows a table instead of a log. */
export class RecentLog {
  #lines: string[] = []

  /** A logger whose warnings and errors are kept here; the rest is not shown. */
  logger(fields: object = {}): Logger {
    const keep = (level: LogLevel) => (more: object, event: string) =>
      this.push(`${level} ${event} ${JSON.stringify({ ...fields, ...more })}`)
    return {
      error: keep('error'),
      warn: keep('warn'),
      info: () => undefined,
      debug: () => undefined,
      child: (more) => this.logger({ ...fields, ...more }),
    }
  }

  /** Keeps a line that a child said, unless it is one of its log below a warning. */
  pushChildLine(line: string): void {
    if (!/^\{"level":"(?:info|debug)"/.test(line)) this.push(line)
  }

  /** Keeps one line. */
  push(line: string): void {
    this.#lines = [...this.#lines, line].slice(-linesMax)
  }

  /** Oldest first. */
  get lines(): readonly string[] {
    return this.#lines
  }
}
