/** What an HTTP client gets instead of an answer: `{code, message, data}`, the code being the contract. */
import { isLanistaError, type LanistaError } from '#protocol/errors.ts'

export interface Problem {
  readonly code: string
  /** The action first, then what was found, then what was expected. */
  readonly message: string
  readonly data: Readonly<Record<string, unknown>>
}

/** The disk of the controller took nothing: its own fault, but one that whoever asks can mend. */
const insufficientStorage = 507

const statuses: Readonly<Record<string, number>> = {
  QUERY_INVALID: 400,
  SELECTOR_INVALID: 400,
  TIME_INVALID: 400,
  DURATION_INVALID: 400,
  FUNCTION_UNKNOWN: 400,
  STEP_INVALID: 400,
  BODY_INVALID: 400,
  APPLICATION_INVALID: 400,
  COUNT_OUT_OF_BOUNDS: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  ANSWER_TOO_LARGE: 413,
  QUERY_TOO_LARGE: 413,
  BUSY: 429,
  CLIENT_GONE: 499,
  HOST_UNAVAILABLE: 409,
  HOST_UNKNOWN: 404,
  ORDER_INVALID: 400,
  ORDER_UNKNOWN: 404,
  ORDER_UNANSWERED: 409,
  ORDER_FAILED: 409,
  INSTANCE_UNKNOWN: 409,
  SERVICE_UNKNOWN: 409,
  SERVICE_NOT_RUNNING: 409,
  SCRIPT_RUNNING: 409,
  NO_SCRIPT_RUNS: 409,
  APPLICATION_CHANGED: 409,
  COUNT_CHANGED: 409,
  APPLICATIONS_LIMIT: 409,
  LEAVE_REFUSED: 409,
  RULE_UNKNOWN: 404,
  RULE_AMBIGUOUS: 400,
  RULE_NOT_JUDGED: 409,
  REPLAY_TOO_LONG: 413,
  SUBSCRIPTION_INVALID: 400,
  SUBSCRIPTION_UNKNOWN: 404,
  SUBSCRIPTION_OWNED: 409,
  SUBSCRIPTIONS_LIMIT: 409,
  SECRETS_UNWRITABLE: 409,
  TOKEN_INVALID: 400,
  LIFETIME_INVALID: 400,
  API_TOKEN_UNKNOWN: 404,
  API_TOKEN_EXISTS: 409,
  API_TOKENS_LIMIT: 409,
  SECRET_INVALID: 400,
  SECRET_UNKNOWN: 404,
  SECRETS_LIMIT: 409,
  MASTER_KEY_MISSING: 409,
  MASTER_KEY_INVALID: 409,
  MASTER_KEY_EXPOSED: 409,
  MASTER_KEY_UNREADABLE: 409,
  MASTER_KEY_UNWRITABLE: 409,
  UPGRADE_UNKNOWN: 404,
  BUNDLE_INVALID: 400,
  CODE_REFUSED: 400,
  CODE_UNKNOWN: 404,
  CODE_ACTIVE: 409,
  DISK_FULL: 409,
  REGISTRY_WRITE_FAILED: insufficientStorage,
  BLOB_UNKNOWN: 409,
  BLOBS_FULL: 409,
  BLOB_TOO_LARGE: 413,
}

/** The HTTP status of an error of ours; 500 for whatever is not the client's doing. */
export function statusOf(error: unknown): number {
  return isLanistaError(error) ? (statuses[error.code] ?? 500) : (frameworkStatus(error) ?? 500)
}

/** The body for `statusOf(error)`; says nothing about what went wrong inside. */
export function problemOf(error: unknown): Problem {
  const status = statusOf(error)
  if (status === 500) return { code: 'INTERNAL', message: 'look into the log of the controller: it failed', data: {} }
  if (isLanistaError(error)) return fieldsOf(error)
  const found = error instanceof Error ? error.message : 'a request that cannot be read'
  return { code: 'REQUEST_INVALID', message: `send another request: ${found}`, data: {} }
}

function fieldsOf({ code, message, data }: LanistaError): Problem {
  return { code, message, data }
}

/** Fastify's own refusals (a body too large, a broken URL) carry their status. */
function frameworkStatus(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined
  const status = error.statusCode
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined
}
