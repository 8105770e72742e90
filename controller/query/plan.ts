/** Which hosts a question goes to, and in which order. Pure. */
import { compileGlob } from '#protocol/metrics/glob.ts'
import { type HostState, isGone } from '#protocol/presence/presence.ts'
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
  readonly state: HostState
  /** It had another store before the present one, whose samples only copies have. */
  readonly hasLostStore?: boolean | undefined
}

/** A host whose samples are asked for. */
export interface PlannedHost {
  readonly owner: Address
  /** Who is asked for them first; nobody when there is no use in asking. */
  readonly holders: readonly Address[]
  /** When they do not answer: all of its cloud who may, and so those with copies; the owner may be among them. */
  readonly mates: readonly Address[]
  /** Those are asked too when it answers: it had another store once. */
  readonly hasLostStore?: boolean | undefined
}

/** Those who are surest to answer come first, so that the silent ones cost the others nothing. */
const order = { online: 0, unknown: 1, suspect: 2, offline: 3, left: 4 } as const

/** The chosen hosts. Throws SELECTOR_INVALID for a glob that is none. */
export function planHosts(hosts: Iterable<PossibleHost>, choice: HostChoice): PlannedHost[] {
  const matchesHost = choice.host === undefined ? () => true : hostMatcher(choice.host)
  const matchesCloud = choice.cloud === undefined ? () => true : compileGlob(choice.cloud)
  const fleet = [...hosts]
    .filter(({ address }) => address.tenant === choice.tenant && matchesCloud(address.cloud))
    .toSorted((a, b) => order[a.state] - order[b.state] || compare(hostIdOf(a.address), hostIdOf(b.address)))
  const present = presentByCloud(fleet)
  return fleet
    .filter(({ address }) => matchesHost(address))
    .map(({ address, state, hasLostStore }) => ({
      owner: address,
      hasLostStore,
      holders: isGone(state) ? [] : [address],
      mates: present.get(address.cloud) ?? [],
    }))
}

/** Copies stay in their cloud: those there who may answer, the surest first. */
function presentByCloud(fleet: readonly PossibleHost[]): Map<string, Address[]> {
  const present = new Map<string, Address[]>()
  for (const { address, state } of fleet) {
    if (isGone(state)) continue
    const mates = present.get(address.cloud)
    if (mates) mates.push(address)
    else present.set(address.cloud, [address])
  }
  return present
}

function hostMatcher(glob: string): (address: Address) => boolean {
  const matches = compileGlob(glob)
  return glob.includes('.') ? (address) => matches(hostIdOf(address)) : (address) => matches(address.host)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
