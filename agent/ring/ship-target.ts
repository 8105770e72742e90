/** A holder as the owner sees it: what it has acknowledged, and what is on its way to it. */
import { type ArrivalRange, RangeSet } from '#protocol/samples/arrival.ts'

/** Rows sent and not acknowledged. */
export interface Flight extends ArrivalRange {
  readonly bytes: number
  readonly sentAtMs: number
}

export interface Target {
  readonly host: string
  standsInFor: string | undefined
  isGreeted: boolean
  helloAtMs: number
  acked: RangeSet
  flights: Flight[]
  names: number
  /** Of the holder's copies, see `Ack`. */
  version: number
  /** The latest hello; −1 = none whose answer would still be true. */
  helloId: number
  waitsSinceMs: number
  pausedToMs: number
}

/** One that is to be greeted. */
export function newTarget(host: string, standsInFor: string | undefined, nowMs: number): Target {
  return {
    host,
    standsInFor,
    isGreeted: false,
    helloAtMs: Number.NEGATIVE_INFINITY,
    acked: new RangeSet(),
    flights: [],
    names: 0,
    version: -1,
    helloId: -1,
    waitsSinceMs: Number.NaN,
    pausedToMs: nowMs,
  }
}

/** Forgets what was sent long ago: it is sent again. */
export function dropOverdue(target: Target, timeoutMs: number, nowMs: number): void {
  const isOverdue = ({ sentAtMs }: Flight): boolean => nowMs - sentAtMs >= timeoutMs
  if (target.flights.some(isOverdue)) target.flights = target.flights.filter((flight) => !isOverdue(flight))
}

/** This part of a lane is with it, or evicted there on purpose: what was on its way of it has arrived. */
export function acknowledge(target: Target, part: ArrivalRange): void {
  target.acked.add(part)
  target.flights = target.flights.filter(({ from, to }) => from < part.from || to > part.to)
}

export function bytesInFlight({ flights }: Target): number {
  return flights.reduce((sum, { bytes }) => sum + bytes, 0)
}
