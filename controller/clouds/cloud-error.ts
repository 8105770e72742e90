/** What a cloud can answer instead of what was asked: few classes, by what the caller should do about them. */
import { isLanistaError, LanistaError } from '#protocol/errors.ts'

/**
 * - `CLOUD_THROTTLED`, `CLOUD_TRANSIENT`: the driver itself tries again, within the limits of the call.
 * - `CLOUD_DEADLINE`: the limits are over and what came of it is not known; the same call later is safe.
 * - `CLOUD_CAPACITY`: choose another location or other hardware, with a new token.
 * - `CLOUD_QUOTA`, `CLOUD_CREDENTIALS_WRONG`, `CLOUD_CREDENTIALS_EXPIRED`, `CLOUD_FORBIDDEN`: a person must act.
 * - `CLOUD_INVALID`, `CLOUD_TOKEN_MISMATCH`: the request can never succeed as it is.
 * - `CLOUD_TOKEN_SPENT`: the VM of the token is gone. `CLOUD_NOT_FOUND`: what was named is not there (yet).
 * - `CLOUD_FOREIGN`: not ours, and left alone.
 */
export type CloudErrorCode =
  | 'CLOUD_THROTTLED'
  | 'CLOUD_TRANSIENT'
  | 'CLOUD_DEADLINE'
  | 'CLOUD_CAPACITY'
  | 'CLOUD_QUOTA'
  | 'CLOUD_CREDENTIALS_WRONG'
  | 'CLOUD_CREDENTIALS_EXPIRED'
  | 'CLOUD_FORBIDDEN'
  | 'CLOUD_INVALID'
  | 'CLOUD_TOKEN_MISMATCH'
  | 'CLOUD_TOKEN_SPENT'
  | 'CLOUD_NOT_FOUND'
  | 'CLOUD_FOREIGN'

const advice: Readonly<Record<CloudErrorCode, string>> = {
  CLOUD_THROTTLED: 'ask more slowly',
  CLOUD_TRANSIENT: 'ask again',
  CLOUD_DEADLINE: 'ask again with the same token',
  CLOUD_CAPACITY: 'choose another location or other hardware',
  CLOUD_QUOTA: "have the account's quota raised",
  CLOUD_CREDENTIALS_WRONG: 'store the right credential',
  CLOUD_CREDENTIALS_EXPIRED: 'renew the credential',
  CLOUD_FORBIDDEN: 'allow the account to do this',
  CLOUD_INVALID: 'correct the request',
  CLOUD_TOKEN_MISMATCH: 'send the spec that the token was first used with',
  CLOUD_TOKEN_SPENT: 'take a new token',
  CLOUD_NOT_FOUND: 'name something that the cloud has',
  CLOUD_FOREIGN: 'name a VM of this owner',
}

/** An error of a cloud: what to do, then what the cloud said, shortened. */
export function cloudError(
  code: CloudErrorCode,
  found: string,
  options: { cause?: unknown; data?: Readonly<Record<string, unknown>> } = {},
): LanistaError {
  return new LanistaError(code, `${advice[code]}: ${found.slice(0, foundMax)}`, options)
}

/** Characters of a cloud's own words that are kept. */
const foundMax = 400

/** True for what the same call may overcome by being made again. */
export function isWorthRetrying(error: unknown): boolean {
  return isLanistaError(error, 'CLOUD_THROTTLED') || isLanistaError(error, 'CLOUD_TRANSIENT')
}
