/** Which hosts a question goes to, and in which order. Pure. */
import { compileGlob } from '#protocol/metrics/glob.ts'
import { type Address, hostIdOf } from '#protocol/subjects/subject.ts'

/** Whose samples are asked for: a tenant, and globs over its clouds and hosts. */
export interface HostChoice {
  readonly tenant: string
  /** A glob over host tokens, or over `tenant.cloud.host` when it has dots; absent = every host. */
  readonly host?: string | undefined
  /** A glob over cloud tokens; absent = every cloud. */
  readonly cloud?: string | undefined
}

/** A host that may have samples. */
export interface PossibleHost {
  readonly address: Address
  readonly state: 'online' | 'suspect' | 'offline' | 'unknown'
}

/** A host whose samples are asked for, and who is asked for them in turn; nobody when there is no use in asking. */
export interface PlannedHost {
  readonly owner: Address
  readonly holders: readonly Address[]
}

/** Those who are surest to answer come first, so that the silent ones cost the others nothing. */
const order = { online: 0, unknown: 1, suspect: 2, offline: 3 } as const

/** The chosen hosts. Throws SELECTOR_INVALID for a glob that is none. */
export function planHosts(hosts: Iterable<PossibleHost>, choice: HostChoice): PlannedHost[] {
  const matchesHost = choice.host === undefined ? () => true : hostMatcher(choice.host)
  const matchesCloud = choice.cloud === undefined ? () => true : compileGlob(choice.cloud)
  return [...hosts]
    .filter(({ address }) => address.tenant === choice.tenant && matchesCloud(address.cloud) && matchesHost(address))
    .toSorted((a, b) => order[a.state] - order[b.state] || compare(hostIdOf(a.address), hostIdOf(b.address)))
    .map(({ address, state }) => ({ owner: address, holders: state === 'offline' ? [] : holdersOf(address) }))
}

/** Who holds the samples of a host, in the order to ask them: the host itself. */
export function holdersOf(host: Address): readonly Address[] {
  return [host]
}

function hostMatcher(glob: string): (address: Address) => boolean {
  const matches = compileGlob(glob)
  return glob.includes('.') ? (address) => matches(hostIdOf(address)) : (address) => matches(address.host)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
