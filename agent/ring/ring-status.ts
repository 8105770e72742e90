import type { RingMember, RingStatus } from '#protocol/query/ring-status.ts'
import type { Member } from './membership.ts'
import type { RingNode } from './node.ts'
import { ringPosition } from './ring-position.ts'

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
    members: [...node.membership.members].map((member) => memberOf(node, member, nowMs)),
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

function memberOf(node: RingNode, { host, zone, state }: Member, nowMs: number): RingMember {
  const graceLeftMs = node.membership.graceLeftMs(host, nowMs)
  return { host, zone, state, ...(graceLeftMs === undefined ? {} : { deadInSeconds: Math.ceil(graceLeftMs / 1000) }) }
}
