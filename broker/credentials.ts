/** Who somebody is to a broker: what a client holds, and what a broker keeps about it. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { LanistaError } from '#protocol/errors.ts'
import { everyTenant, type Role } from '#protocol/permissions.ts'
import { type Address, hostIdOf } from '#protocol/subjects/subject.ts'
import { parseId } from '#protocol/subjects/token.ts'
import { nkeyVerifier } from './nkey.ts'

/** What a client holds to log in with. */
export type Credential =
  | {
      /** Agents and the controller. */
      readonly kind: 'nkey'
      /** `SU…` */
      readonly seed: string
      /** Read at every dial: the session number of this start. */
      readonly session: () => number
    }
  | {
      /** Operators. */
      readonly kind: 'password'
      readonly user: string
      readonly password: string
    }

/** What a broker keeps about somebody it lets in. The controller is known by key on NATS only: an embedded broker has it in process. */
export type BrokerUser =
  | { readonly kind: 'agent'; readonly address: Address; readonly publicKey: string }
  | { readonly kind: 'controller'; readonly publicKey: string }
  | { readonly kind: 'operator'; readonly tenant: string; readonly user: string; readonly password: string }

/** A broker's list of users, changed while it runs. */
export interface BrokerUsers {
  /** Lets somebody in from now on; replaces who had the same id. @throws LanistaError USER_INVALID, NKEY_INVALID, TOKEN_INVALID */
  addUser(user: BrokerUser): Promise<void>
  /** Lets them in no more and closes their connections. Unknown ids are ignored. */
  removeUser(id: string): Promise<void>
}

/** The id of a broker's user: `T.C.H`, `_controller`, or an operator's user name. */
export function brokerUserId(user: BrokerUser): string {
  if (user.kind === 'agent') return hostIdOf(user.address)
  return user.kind === 'controller' ? '_controller' : user.user
}

/** The permissions a user has. */
export function roleOf(user: BrokerUser): Role {
  if (user.kind === 'agent') return { kind: 'agent', address: user.address }
  return user.kind === 'controller' ? { kind: 'controller' } : { kind: 'operator', tenant: user.tenant }
}

const passwordPattern = /^(?!\$2)[!#-&(-[\]-~]{8,128}$/

/**
 * Throws USER_INVALID, NKEY_INVALID or TOKEN_INVALID unless every name is in the alphabet (a host named `*` could publish as
 * anybody), the key is a user's, and a password is 8 to 128 printable ASCII characters without quotes and backslash, not
 * starting with `$2` (nats-server would take it for a bcrypt hash).
 */
export function checkBrokerUser(user: BrokerUser): void {
  if (user.kind === 'agent') {
    parseId(user.address.tenant, 'tenant')
    parseId(user.address.cloud, 'cloud')
    parseId(user.address.host, 'host')
  }
  if (user.kind !== 'operator') {
    nkeyVerifier(user.publicKey)
    return
  }
  if (user.tenant !== everyTenant) parseId(user.tenant, 'tenant')
  parseId(user.user, 'user name')
  if (!passwordPattern.test(user.password)) {
    throw new LanistaError(
      'USER_INVALID',
      `choose another password for ${user.user}: expected 8 to 128 printable ASCII characters, no quotes, no backslash, not starting with $2`,
    )
  }
}

/** A password as a broker keeps it; `matchesPassword` compares in constant time. Generated passwords need no slow hash. */
export function hashPassword(password: string): Buffer {
  return createHash('sha256').update(password).digest()
}

export function matchesPassword(hash: Buffer, password: Uint8Array): boolean {
  return timingSafeEqual(hash, createHash('sha256').update(password).digest())
}
