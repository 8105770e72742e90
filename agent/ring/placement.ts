/**
 * Who holds what. Members stand on a ring by the hash of their id; an owner's copies go to the members that follow it. Each
 * member has one position and no virtual ones: an owner's data goes whole to its successors, so every member holds the copies of
 * exactly as many owners as it has copies elsewhere, however uneven the gaps are. Virtual positions would add nothing but moves.
 */
import { ringPosition } from './ring-position.ts'

/** A place on the ring. */
export interface RingMember {
  /** Host token, unique within the cloud. */
  readonly host: string
  /** Failure domain; empty when its label is missing, which counts as one more zone. */
  readonly zone: string
}

interface Place extends RingMember {
  readonly position: string
}

/** A member that holds an owner's new data because an assigned one is silent. */
export interface StandIn {
  readonly host: string
  /** The silent member it stands in for. */
  readonly standsInFor: string
}

/** The members of one cloud in ring order. Immutable; made anew when a member comes or goes. */
export class Ring {
  readonly #places: readonly Place[]
  readonly #positions: Map<string, string>
  readonly #zones = new Map<string, string>()
  readonly #zonesThere: ReadonlySet<string>
  readonly #orders = new Map<string, readonly string[]>()

  /**
   * Members given twice count once.
   * @param before the ring of a moment ago, whose hashes need not be taken again
   */
  constructor(members: Iterable<RingMember>, before?: Ring) {
    for (const { host, zone } of members) this.#zones.set(host, zone)
    this.#zonesThere = new Set(this.#zones.values())
    this.#positions = new Map(
      [...this.#zones.keys()].map((host) => [host, before ? before.#positionOf(host) : ringPosition(host)]),
    )
    this.#places = [...this.#zones]
      .map(([host, zone]) => ({ host, zone, position: this.#positionOf(host) }))
      .sort((a, b) => (a.position < b.position ? -1 : a.position > b.position ? 1 : a.host < b.host ? -1 : 1))
  }

  #positionOf(key: string): string {
    return this.#positions.get(key) ?? ringPosition(key)
  }

  get size(): number {
    return this.#places.length
  }

  /** Hosts in ring order. */
  get hosts(): readonly string[] {
    return this.#places.map(({ host }) => host)
  }

  has(host: string): boolean {
    return this.#zones.has(host)
  }

  /** The zone of a member, undefined for others. */
  zoneOf(host: string): string | undefined {
    return this.#zones.get(host)
  }

  /**
   * Every other member in the order in which it would hold `owner`'s data: first the next one of each other zone, then the
   * rest of the other zones, then the owner's own, each in ring order. The owner itself need not be a member.
   * @param zone of the owner, where the ring does not know it
   */
  successors(owner: string, zone = ''): readonly string[] {
    const ownZone = this.#zones.get(owner) ?? zone
    const key = `${owner} ${ownZone}`
    const known = this.#orders.get(key)
    if (known) return known
    const order = this.#order(owner, ownZone)
    this.#orders.set(key, order)
    return order
  }

  /** The first `count` of them, found without a walk around the whole ring. */
  firstSuccessors(owner: string, count: number, zone = ''): readonly string[] {
    const ownZone = this.#zones.get(owner) ?? zone
    return this.#order(owner, ownZone, count)
  }

  #order(owner: string, ownZone: string, count: number = this.#places.length): string[] {
    const zonesSeen = new Set([ownZone])
    const otherZones = this.#zonesThere.size - (this.#zonesThere.has(ownZone) ? 1 : 0)
    const first: string[] = []
    const second: string[] = []
    const third: string[] = []
    const start = this.#indexBehind(this.#positionOf(owner))
    for (let i = 0; i < this.#places.length; i++) {
      const { host, zone } = this.#places[(start + i) % this.#places.length] as Place
      if (host === owner) continue
      if (zone === ownZone) third.push(host)
      else if (zonesSeen.has(zone)) second.push(host)
      else {
        zonesSeen.add(zone)
        first.push(host)
      }
      const isEachZoneSeen = first.length === otherZones
      const found = first.length + second.length + (otherZones === 0 ? third.length : 0)
      if (first.length >= count || (isEachZoneSeen && found >= count)) break
    }
    return [...first, ...second, ...third].slice(0, Math.max(0, count))
  }

  /** All members, beginning behind `position`. */
  #walkFrom(position: string): Place[] {
    const start = this.#indexBehind(position)
    return [...this.#places.slice(start), ...this.#places.slice(0, start)]
  }

  #indexBehind(position: string): number {
    let start = 0
    let end = this.#places.length
    while (start < end) {
      const middle = (start + end) >>> 1
      if ((this.#places[middle] as Place).position <= position) start = middle + 1
      else end = middle
    }
    return start
  }

  /** All members in ring order, beginning behind the position of `key`; zones do not matter. */
  from(key: string): readonly string[] {
    return this.#walkFrom(ringPosition(key)).map(({ host }) => host)
  }

  /** The nearest member before and behind `host` that fits, without it. */
  adjacent(host: string, fits: (host: string) => boolean): string[] {
    const walk = this.#walkFrom(this.#positionOf(host)).filter((place) => place.host !== host && fits(place.host))
    const ends = [walk[0]?.host, walk.at(-1)?.host].filter((end) => end !== undefined)
    return [...new Set(ends)]
  }
}

/** The members to hold `owner`'s data beside it: the first `count` successors, silent or not. */
export function assignedHolders(ring: Ring, owner: string, count: number, zone?: string): readonly string[] {
  return ring.firstSuccessors(owner, count, zone)
}

/** Who takes an owner's new data now: the assigned ones that live, and for each silent one the next that lives. */
export interface LiveHolders {
  readonly assigned: readonly string[]
  readonly standIns: readonly StandIn[]
}

/** The live holders of `owner`; fewer than `count` when fewer live. */
export function liveHolders(
  ring: Ring,
  owner: string,
  count: number,
  isLive: (host: string) => boolean,
  zone?: string,
): LiveHolders {
  const first = ring.firstSuccessors(owner, count, zone)
  const silent = first.filter((host) => !isLive(host))
  if (silent.length === 0) return { assigned: first, standIns: [] }
  const order = ring.successors(owner, zone)
  const standIns: StandIn[] = []
  for (let i = first.length; i < order.length && standIns.length < silent.length; i++) {
    const host = order[i] as string
    if (isLive(host)) standIns.push({ host, standsInFor: silent[standIns.length] as string })
  }
  return { assigned: first.filter(isLive), standIns }
}

/** Both kinds of live holder. */
export function hostsOf(holders: LiveHolders): string[] {
  return [...holders.assigned, ...holders.standIns.map(({ host }) => host)]
}

/** The live member that aggregates a monitor of the whole cloud; undefined when nobody lives. */
export function aggregatorOf(ring: Ring, monitor: string, isLive: (host: string) => boolean): string | undefined {
  return ring.from(`monitor ${monitor}`).find(isLive)
}
