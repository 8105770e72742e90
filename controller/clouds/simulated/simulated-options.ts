/** A cloud that exists in memory: its offers, its pace and its faults. */
import type { HardwareOffer, ImageOffer, LocationOffer } from '../cloud-driver.ts'

export interface SimulatedCloudOptions {
  /** The same seed and the same calls at the same times give the same cloud. Default 1. */
  readonly seed?: number | undefined
  readonly locations?: readonly LocationOffer[] | undefined
  readonly hardware?: readonly HardwareOffer[] | undefined
  readonly images?: readonly ImageOffer[] | undefined
  /** VMs of the account at once. Default 10,000. */
  readonly vmsMax?: number | undefined
  /** Room of a location, in VMs; those not named have no limit. */
  readonly capacity?: Readonly<Record<string, number>> | undefined
  /** Shortest and longest time from request to `running`, ms. Default 20,000 to 60,000. */
  readonly bootMs?: readonly [number, number] | undefined
  /** Time from the request until lists and look-ups show the VM, ms. Default 0. */
  readonly visibilityMs?: number | undefined
  /** Time from `stopping` to `terminated`, and how long it is shown after that, ms. Default 10,000 and 3,600,000. */
  readonly stopMs?: number | undefined
  readonly rememberMs?: number | undefined
  /** Share of VMs that stay `pending` for ever, and of those that end `failed`. Default 0. */
  readonly neverBoots?: number | undefined
  readonly fails?: number | undefined
  /** Share of answers that are lost after the cloud did what was asked. Default 0. */
  readonly lostAnswers?: number | undefined
  /** Requests a second before it throttles. Default: never. */
  readonly requestsPerSecond?: number | undefined
  /** Shortest and longest time of an answer, ms. Default 0 to 0. */
  readonly latencyMs?: readonly [number, number] | undefined
  /** VMs on one page of a list. Default 100. */
  readonly pageSize?: number | undefined
}

/** One region with two zones, one with one. */
export const defaultLocations: readonly LocationOffer[] = [
  { id: 'north', scope: 'region', isAssignable: true },
  { id: 'north/a', scope: 'zone', parent: 'north', isAssignable: true },
  { id: 'north/b', scope: 'zone', parent: 'north', isAssignable: true },
  { id: 'south', scope: 'region', isAssignable: true },
  { id: 'south/a', scope: 'zone', parent: 'south', isAssignable: true },
]

const gib = 2 ** 30

/** Three sizes, each twice the one before in everything, price included. */
export const defaultHardware: readonly HardwareOffer[] = [1, 2, 4].map((size) => ({
  id: `size-${size}`,
  name: `size-${size}`,
  cores: size,
  memoryBytes: 2 * size * gib,
  diskBytes: 20 * size * gib,
  architectures: ['x64'],
  locations: ['north', 'south'],
  price: { amount: 0.02 * size, currency: 'EUR', unitMs: 1000 },
}))

export const defaultImages: readonly ImageOffer[] = [
  { id: 'debian-12', name: 'debian-12', architecture: 'x64', locations: ['north', 'south'], family: 'linux' },
]
