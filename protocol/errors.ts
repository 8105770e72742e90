/** Base of every error that lanista throws on purpose. The code is the contract; the message may change. */
export class LanistaError extends Error {
  /** Stable, upper-case, listed in the README of the folder that throws it. */
  readonly code: string
  /** Facts for logs and `--json`, never secrets. */
  readonly data: Readonly<Record<string, unknown>>

  constructor(
    code: string,
    message: string,
    options: { cause?: unknown; data?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.name = 'LanistaError'
    this.code = code
    this.data = options.data ?? {}
  }
}

/** True when `error` is a LanistaError with this code (or with any code when none is given). */
export function isLanistaError(error: unknown, code?: string): error is LanistaError {
  return error instanceof LanistaError && (code === undefined || error.code === code)
}

/** The message of anything thrown, for logs. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
