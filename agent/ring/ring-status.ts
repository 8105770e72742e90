import type { RingMember, RingStatus } from '#protocol/query/ring-status.ts'
import type { Member } from './membership.ts'
import type { RingNode } from './node.ts'
import { ringPosition } from './ring-position.ts'

/** A holder that has been behind for longer does not count as a copy, ms. */
const lagMsMax = 60_000

/** What a holder must have acknowledged to have been complete at that time. */
interface Mark {
  readonly to: number
  readonly atMs: number
}

/**
 * Remembers when each holder last had everything there was. While samples flow it always lacks the latest, so it is measured by what
 * there was some time ago.
 */
export class LagWatch {
  readonly #coveredAtMs = new Map<string, number>()
  readonly #marks = new Map<string, Mark>()

  /** Call with each tick. */
  tick({ shipper }: { readonly shipper: Pick<RingNode['shipper'], 'lags' | 'syncedTo'> }, nowMs: number): void {
    const { lags, syncedTo } = shipper
    const hosts = new Set(lags.map(({ host }) => host))
    for (const host of this.#coveredAtMs.keys()) if (!hosts.has(host)) this.#forget(host)
    for (const { host, isGreeted, firstMissing = Number.POSITIVE_INFINITY } of lags) {
      const mark = this.#marks.get(host)
      const isComplete = isGreeted && firstMissing > syncedTo
      const hasReached = isGreeted && mark !== undefined && firstMissing > mark.to
      if (isComplete) this.#coveredAtMs.set(host, nowMs)
      else if (hasReached) this.#coveredAtMs.set(host, mark.atMs)
      else if (!this.#coveredAtMs.has(host)) this.#coveredAtMs.set(host, nowMs - lagMsMax)
      if (isComplete || hasReached || !mark) this.#marks.set(host, { to: syncedTo, atMs: nowMs })
    }
  }

  #forget(host: string): void {
    this.#coveredAtMs.delete(host)
    this.#marks.delete(host)
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
