/** Who plays in the contract suites: two agents of one cloud, strangers, the controller, an operator. */
import type { BrokerUser, Credential } from '#broker/credentials.ts'
import type { NkeyPair } from '#broker/nkey.ts'
import type { Role } from '#protocol/permissions.ts'
import type { Address } from '#protocol/subjects/subject.ts'

export const operatorLogin = { user: 'olga', password: 'olga-secret-1' } as const

export interface CastKeys {
  readonly a1: NkeyPair
  readonly b1: NkeyPair
  readonly controller: NkeyPair
}

const addressOf = (host: string): Address => ({ tenant: 'acme', cloud: 'c1', host })

/** What a broker must know of the cast. */
export function usersOf(keys: CastKeys): readonly BrokerUser[] {
  return [
    { kind: 'agent', address: addressOf('a1'), publicKey: keys.a1.publicKey },
    { kind: 'agent', address: addressOf('b1'), publicKey: keys.b1.publicKey },
    { kind: 'controller', publicKey: keys.controller.publicKey },
    { kind: 'operator', tenant: 'acme', ...operatorLogin },
  ]
}

/** How one of the cast logs in. */
export function credentialOf(role: Role, keys: CastKeys): Credential {
  if (role.kind === 'operator') return { kind: 'password', ...operatorLogin }
  const key = role.kind === 'controller' ? keys.controller : keys[role.address.host === 'a1' ? 'a1' : 'b1']
  return { kind: 'nkey', seed: key.seed, session: () => 1 }
}
