/** From wishes that name no cloud to what clouds offer: hardware by size, images by system, locations by country. Pure. */
import type { Price } from '../cloud-driver.ts'
import {
  type Catalogue,
  geographyOfEntry,
  type HardwareEntry,
  type ImageEntry,
  isAssignable,
  type LocationEntry,
  priceOf,
  systemOf,
} from './catalogue.ts'

/** A size that clouds offer, whatever they call it. */
export interface HardwareSize {
  readonly cores: number
  readonly memoryBytes: number
  readonly diskBytes?: number | undefined
  readonly hardware: readonly HardwareEntry[]
}

export interface Wish {
  /** At least. */
  readonly cores?: number | undefined
  readonly memoryBytes?: number | undefined
  readonly diskBytes?: number | undefined
  /** As `OperatingSystem` says them; a version counts as its beginning: `12` is met by `12.5`. */
  readonly family?: string | undefined
  readonly distribution?: string | undefined
  readonly version?: string | undefined
  readonly architecture?: string | undefined
  /** Any of these. */
  readonly clouds?: readonly string[] | undefined
  readonly countryCodes?: readonly string[] | undefined
  /** Credential that is to be used. */
  readonly credential?: string | undefined
}

/** A place, a machine and an image that go together. */
export interface Candidate {
  readonly cloud: string
  readonly location: string
  readonly hardware: string
  readonly image: string
  readonly price?: Price | undefined
}

/** All sizes, the smallest first. */
export function hardwareSizes(entries: readonly HardwareEntry[]): HardwareSize[] {
  const sizes = new Map<string, HardwareSize>()
  for (const entry of entries) {
    const { cores, memoryBytes, diskBytes } = entry.offer
    const key = `${cores} ${memoryBytes} ${diskBytes ?? ''}`
    const before = sizes.get(key)?.hardware ?? []
    sizes.set(key, { cores, memoryBytes, diskBytes, hardware: [...before, entry] })
  }
  return [...sizes.values()].toSorted(
    (a, b) => a.cores - b.cores || a.memoryBytes - b.memoryBytes || (a.diskBytes ?? 0) - (b.diskBytes ?? 0),
  )
}

/**
 * What meets the wish: the cheapest first where prices are known, then the smallest, then by name; for each location and hardware
 * the newest image.
 */
export function candidatesOf(catalogue: Catalogue, wish: Wish): Candidate[] {
  const locations = catalogue.locations.filter((entry) => isAllowed(entry, wish) && isPlace(entry, wish))
  const hardware = catalogue.hardware.filter((entry) => isAllowed(entry, wish) && isEnough(entry, wish))
  const images = catalogue.images
    .filter((entry) => isAllowed(entry, wish) && isSystem(entry, wish))
    .toSorted((a, b) => (b.offer.createdMs ?? 0) - (a.offer.createdMs ?? 0) || compare(a.offer.id, b.offer.id))
  const found = locations.flatMap((place) =>
    hardware
      .filter((machine) => machine.cloud === place.cloud && isIn(place.offer.id, machine.offer.locations))
      .flatMap((machine) => {
        const image = images.find((one) => goesWith(one, machine, place))
        return image ? [{ place, machine, image }] : []
      }),
  )
  return found
    .toSorted((a, b) => compareMachines(a.machine, b.machine) || compare(a.place.offer.id, b.place.offer.id))
    .map(({ place, machine, image }) => ({
      cloud: place.cloud,
      location: place.offer.id,
      hardware: machine.offer.id,
      image: image.offer.id,
      price: priceOf(machine),
    }))
}

function isAllowed({ cloud, credentials }: LocationEntry | HardwareEntry | ImageEntry, wish: Wish): boolean {
  const isSeen = wish.credential === undefined ? credentials.length > 0 : credentials.includes(wish.credential)
  return isSeen && (wish.clouds?.includes(cloud) ?? true)
}

function isPlace(entry: LocationEntry, { countryCodes }: Wish): boolean {
  if (!isAssignable(entry)) return false
  return countryCodes === undefined || countryCodes.includes(geographyOfEntry(entry)?.countryCode ?? '')
}

function isEnough({ offer }: HardwareEntry, { cores = 0, memoryBytes = 0, diskBytes = 0 }: Wish): boolean {
  return offer.cores >= cores && offer.memoryBytes >= memoryBytes && (offer.diskBytes ?? 0) >= diskBytes
}

function isSystem(entry: ImageEntry, { family, distribution, version, architecture }: Wish): boolean {
  const has = entry.completion.architecture ?? entry.offer.architecture
  if (architecture !== undefined && has !== architecture) return false
  const system = systemOf(entry)
  if (family !== undefined && system.family !== family) return false
  if (distribution !== undefined && system.distribution !== distribution) return false
  return version === undefined || system.version === version || system.version?.startsWith(`${version}.`) === true
}

function goesWith(image: ImageEntry, machine: HardwareEntry, place: LocationEntry): boolean {
  if (image.cloud !== place.cloud || !isIn(place.offer.id, image.offer.locations)) return false
  const wanted = image.completion.architecture ?? image.offer.architecture
  const offered = machine.completion.architectures ?? machine.offer.architectures
  return wanted === undefined || offered.length === 0 || offered.includes(wanted)
}

/** A location stands for all inside it. */
function isIn(location: string, places: readonly string[]): boolean {
  return places.some((place) => location === place || location.startsWith(`${place}/`))
}

function compareMachines(a: HardwareEntry, b: HardwareEntry): number {
  const [cheap, dear] = [priceOf(a)?.amount ?? Number.POSITIVE_INFINITY, priceOf(b)?.amount ?? Number.POSITIVE_INFINITY]
  if (cheap !== dear) return cheap < dear ? -1 : 1
  const size = a.offer.cores - b.offer.cores || a.offer.memoryBytes - b.offer.memoryBytes
  return size || compare(a.offer.id, b.offer.id)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
