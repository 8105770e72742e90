/**
 * What a tenant's clouds offer, as its credentials found it and as people completed it. Pure: a discovery is merged into the rows
 * that were there, and says what changes.
 */
import type { CloudOffers, HardwareOffer, ImageOffer, LocationOffer, Price } from '../cloud-driver.ts'
import { type Geography, geographyOf } from './geography.ts'
import { type OperatingSystem, operatingSystemOf } from './operating-system.ts'

/** One thing that a cloud offers. `T` = what the cloud says, `C` = what a person may add or correct. */
export interface Entry<T, C> {
  readonly cloud: string
  /** As the cloud last said it. */
  readonly offer: T
  /** By hand; it wins, and no discovery touches it. */
  readonly completion: C
  /** Names of the credentials that see it; none = the cloud offers it no more. */
  readonly credentials: readonly string[]
  /** When a discovery saw it last, epoch ms. */
  readonly seenMs: number
}

export interface LocationCompletion {
  readonly geography?: Geography | undefined
  readonly isAssignable?: boolean | undefined
}

export interface HardwareCompletion {
  readonly price?: Price | undefined
  readonly architectures?: readonly string[] | undefined
}

export interface ImageCompletion {
  readonly system?: OperatingSystem | undefined
  readonly architecture?: string | undefined
}

export type LocationEntry = Entry<LocationOffer, LocationCompletion>
export type HardwareEntry = Entry<HardwareOffer, HardwareCompletion>
export type ImageEntry = Entry<ImageOffer, ImageCompletion>

export interface Catalogue {
  readonly locations: readonly LocationEntry[]
  readonly hardware: readonly HardwareEntry[]
  readonly images: readonly ImageEntry[]
}

export const emptyCatalogue: Catalogue = { locations: [], hardware: [], images: [] }

/** Who looked, and when. */
export interface Discovery {
  readonly cloud: string
  readonly credential: string
  readonly offers: CloudOffers
  readonly nowMs: number
}

/**
 * The catalogue after a discovery. What this credential sees no more loses it; what nobody sees and nobody completed is left out.
 * A discovery that was cut takes nothing away.
 */
export function afterDiscovery(before: Catalogue, discovery: Discovery): Catalogue {
  const { locations, hardware, images } = discovery.offers
  return {
    locations: merged(before.locations, locations, discovery),
    hardware: merged(before.hardware, hardware, discovery),
    images: merged(before.images, images, discovery),
  }
}

/** What a credential alone could see goes with it. */
export function withoutCredential(before: Catalogue, cloud: string, credential: string): Catalogue {
  const offers: CloudOffers = { locations: [], hardware: [], images: [], quotas: [], isCut: false }
  return afterDiscovery(before, { cloud, credential, offers, nowMs: 0 })
}

function merged<T extends { readonly id: string }, C extends object>(
  before: readonly Entry<T, C>[],
  offers: readonly T[],
  { cloud, credential, nowMs, offers: { isCut } }: Discovery,
): Entry<T, C>[] {
  const offered = new Map(offers.map((offer) => [offer.id, offer]))
  const after = before.flatMap((entry) => {
    if (entry.cloud !== cloud) return [entry]
    const offer = offered.get(entry.offer.id)
    offered.delete(entry.offer.id)
    const others = entry.credentials.filter((name) => name !== credential)
    if (offer) return [{ ...entry, offer, credentials: [...others, credential].toSorted(), seenMs: nowMs }]
    const isKept = others.length > 0 || Object.keys(entry.completion).length > 0
    if (isCut) return [entry]
    return isKept ? [{ ...entry, credentials: others }] : []
  })
  const fresh = [...offered.values()].map(
    // every field of a completion may be left out
    (offer): Entry<T, C> => ({ cloud, offer, completion: {} as C, credentials: [credential], seenMs: nowMs }),
  )
  return [...after, ...fresh]
}

export function geographyOfEntry({ offer, completion }: LocationEntry): Geography | undefined {
  return completion.geography ?? geographyOf(offer.id)
}

export function isAssignable({ offer, completion, credentials }: LocationEntry): boolean {
  return credentials.length > 0 && (completion.isAssignable ?? offer.isAssignable)
}

export function priceOf({ offer, completion }: HardwareEntry): Price | undefined {
  return completion.price ?? offer.price
}

export function systemOf({ offer, completion }: ImageEntry): OperatingSystem {
  return completion.system ?? operatingSystemOf(offer.name, offer.family)
}
