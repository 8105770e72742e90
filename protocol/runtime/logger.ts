import { destination, pino } from 'pino'

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

/** JSON lines on stderr; stdout belongs to the command's answer. */
export function openLogger(level: LogLevel): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination({ dest: 2, sync: true }))
}

/** Swallows everything: for tests and for library use. */
export const silentLogger: Logger = {
  error: () => {},
  warn: () => {},
  info: () => {},
  debug: () => {},
  child: () => silentLogger,
}
