import { destination, type Logger as Pino, pino } from 'pino'

/** An event name and fields, never a sentence. error = someone must act, warn = degraded, info = state changes, debug = per message. */
export interface Logger {
  error(fields: object, event: string): void
  warn(fields: object, event: string): void
  info(fields: object, event: string): void
  debug(fields: object, event: string): void
  /** A logger whose lines all carry these fields, e.g. `{ component: 'carbon' }`. */
  child(fields: object): Logger
}

export const logLevels = ['silent', 'error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof logLevels)[number]

/** What stderr does not take, on a full disk, waits up to so many bytes; lines beyond it are lost. */
const unwrittenBytesMax = 1_048_576

/** JSON lines on stderr; stdout belongs to the command's answer. A line that cannot be written ends nothing. */
export function openLogger(level: LogLevel): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  const stderr = destination({ dest: 2, sync: true, maxLength: unwrittenBytesMax })
  stderr.on('error', () => undefined) // nobody could be told; what waits is written with the next line that stderr takes
  return withFields(pino(options, stderr), {})
}

/** A child's field replaces its parent's of the same name: pino itself would write both. */
function withFields(root: Pino, fields: object): Logger {
  const bound = root.child(fields)
  return {
    error: (more, event) => bound.error(more, event),
    warn: (more, event) => bound.warn(more, event),
    info: (more, event) => bound.info(more, event),
    debug: (more, event) => bound.debug(more, event),
    child: (more) => withFields(root, { ...fields, ...more }),
  }
}

/** Swallows everything: for tests and for library use. */
export const silentLogger: Logger = {
  error: () => {},
  warn: () => {},
  info: () => {},
  debug: () => {},
  child: () => silentLogger,
}
