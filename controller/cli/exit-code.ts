import { isLanistaError, LanistaError } from '#protocol/errors.ts'

/** What a command tells its caller: 0 ok, 1 the thing failed, 2 used wrongly. */
export type ExitCode = 0 | 1 | 2

/** Errors that the person at the keyboard removes by calling otherwise: other flags, another folder, another port. */
const usedWrongly: ReadonlySet<string> = new Set([
  'USAGE',
  'PORT_IN_USE',
  'LISTEN_FAILED',
  'DATA_DIR_UNWRITABLE',
  'DATA_DIR_LOCKED',
  'CONFIG_INVALID',
  'CONFIG_UNREADABLE',
  'APPLICATION_INVALID',
  'NATS_SERVER_MISSING',
  'TOKEN_INVALID',
  'SUBJECT_INVALID',
  'METRIC_NAME_INVALID',
  'PATTERN_INVALID',
  'SELECTOR_INVALID',
  'FUNCTION_UNKNOWN',
  'TIME_INVALID',
  'DURATION_INVALID',
  'REQUEST_INVALID',
])

/** The exit code of a failure. `data.exitCode` of a LanistaError wins: a child's own verdict is passed on. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!isLanistaError(error)) return 1
  const given = error.data['exitCode']
  if (given === 1 || given === 2) return given
  return usedWrongly.has(error.code) ? 2 : 1
}

/** Used wrongly: the message says what was found and what was expected. */
export function usageError(message: string): LanistaError {
  return new LanistaError('USAGE', message)
}
