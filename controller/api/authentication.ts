import { createHash, timingSafeEqual } from 'node:crypto'
import type { Role } from '#controller/access/permissions.ts'

export interface Credential {
  /** Name for Basic authentication. */
  readonly user: string
  /** Bearer token, and the password for Basic. */
  readonly token: string
}

/** Who asks. */
export interface Principal {
  /** The operator's user name, or `token/<name>`. */
  readonly who: string
  readonly role: Role
}

/** Whose bearer token it is; undefined when it is nobody's. */
export type Recognise = (token: string) => { readonly name: string; readonly role: Role } | undefined

/** Who an `Authorization` header speaks for: the operator is an admin, a token has its own role. */
export function principalOf(
  header: string | undefined,
  credential: Credential,
  recognise: Recognise,
): Principal | undefined {
  if (isAuthorized(header, credential)) return { who: credential.user, role: 'admin' }
  const [, value] = /^bearer +(\S+) *$/i.exec(header ?? '') ?? []
  const found = value === undefined ? undefined : recognise(value)
  return found && { who: `token/${found.name}`, role: found.role }
}

/** The challenges of a 401, most useful first. */
export const challenges: readonly string[] = ['Bearer realm="lanista"', 'Basic realm="lanista", charset="UTF-8"']

/** Does an `Authorization` header carry the credential, as `Bearer token` or `Basic user:token`? Takes the same time for each wrong one of a length. */
function isAuthorized(header: string | undefined, credential: Credential): boolean {
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
