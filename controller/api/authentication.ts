import { createHash, timingSafeEqual } from 'node:crypto'

export interface Credential {
  /** Name for Basic authentication. */
  readonly user: string
  /** Bearer token, and the password for Basic. */
  readonly token: string
}

/** The challenges of a 401, most useful first. */
export const challenges: readonly string[] = ['Bearer realm="lanista"', 'Basic realm="lanista", charset="UTF-8"']

/** Does an `Authorization` header carry the credential, as `Bearer token` or `Basic user:token`? Takes the same time for each wrong one of a length. */
export function isAuthorized(header: string | undefined, credential: Credential): boolean {
  const [, scheme = '', value = ''] = /^(\S+) +(\S+) *$/.exec(header ?? '') ?? []
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return isSame(value, credential.token)
    case 'basic':
      return isSame(Buffer.from(value, 'base64').toString('utf8'), `${credential.user}:${credential.token}`)
    default:
      return false
  }
}

function isSame(found: string, expected: string): boolean {
  return timingSafeEqual(digestOf(found), digestOf(expected))
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
