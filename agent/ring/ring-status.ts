import type { MemberState } from './membership.ts'
import type { RingNode } from './node.ts'
import { ringPosition } from './ring-position.ts'

/** What `lanista ring` shows of one agent, as it sees the ring. */
export interface RingStatus {
  readonly host: string
  readonly zone: string
  /** On the ring, 16 hexadecimal digits. */
  readonly position: string
  readonly start: number
  /** Copies wanted, the own included, in a cloud that is large enough. */
  readonly copies: number
  /** Copies that are complete but for the last minute. */
  readonly degree: number
  /** Fewer than wanted, or than there are members. */
  readonly isUnderReplicated: boolean
  /** Somebody else lives with this identity; nothing is copied. */
  readonly isQuarantined: boolean
  readonly members: readonly { readonly host: string; readonly zone: string; readonly state: MemberState }[]
  readonly holders: readonly {
    readonly host: string
    readonly standsInFor?: string | undefined
    readonly lagSamples: number
    /** Since it last had everything, s. */
    readonly lagSeconds: number
  }[]
  readonly held: readonly { readonly owner: string; readonly samples: number; readonly bytes: number }[]
  readonly heldBytes: number
  readonly bytesOut: number
  readonly bytesIn: number
}

/** A holder that has been behind for longer does not count as a copy, ms. */
const lagMsMax = 60_000

/** Remembers since when each holder has been behind. */
export class LagWatch {
  readonly #coveredAtMs = new Map<string, number>()

  /** Call with each tick. */
  tick(node: RingNode, nowMs: number): void {
    const hosts = new Set(node.shipper.lags.map(({ host }) => host))
    for (const host of this.#coveredAtMs.keys()) if (!hosts.has(host)) this.#coveredAtMs.delete(host)
    for (const { host, isGreeted, lagSamples } of node.shipper.lags) {
      const isCovered = isGreeted && lagSamples === 0
      if (isCovered || !this.#coveredAtMs.has(host)) this.#coveredAtMs.set(host, isCovered ? nowMs : nowMs - lagMsMax)
    }
  }

  /** How long this holder has been behind, ms. */
  lagMs(host: string, nowMs: number): number {
    return nowMs - (this.#coveredAtMs.get(host) ?? nowMs - lagMsMax)
  }

  /** Copies that are complete but for the last minute, the own one included. */
  degree(node: RingNode, nowMs: number): number {
    return 1 + node.shipper.lags.filter(({ host }) => this.lagMs(host, nowMs) < lagMsMax).length
  }
}

/** The status of one agent now. */
export function statusOf(
  node: RingNode,
  own: { readonly host: string; readonly zone: string; readonly copies: number; readonly bytesIn: number },
  lag: LagWatch,
  nowMs: number,
): RingStatus {
  const degree = lag.degree(node, nowMs)
  const { host, zone, copies, bytesIn } = own
  return {
    host,
    zone,
    position: ringPosition(host),
    start: node.shipper.start,
    copies,
    degree,
    isUnderReplicated: degree < Math.min(copies, node.ring.size),
    isQuarantined: node.shipper.isQuarantined,
    members: [...node.membership.members].map((member) => ({
      host: member.host,
      zone: member.zone,
      state: member.state,
    })),
    holders: node.shipper.lags.map((holder) => ({
      host: holder.host,
      standsInFor: holder.standsInFor,
      lagSamples: holder.lagSamples,
      lagSeconds: holder.lagSamples === 0 ? 0 : Math.round(lag.lagMs(holder.host, nowMs) / 1000),
    })),
    held: [...node.keeper.owners].map((owner) => ({
      owner,
      samples: node.keeper.holdingsOf(owner)?.size ?? 0,
      bytes: node.keeper.bytesOf(owner),
    })),
    heldBytes: node.keeper.bytes,
    bytesOut: node.shipper.bytesSent,
    bytesIn,
  }
}
