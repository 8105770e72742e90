import { describe, expect, it } from 'vitest'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import type { CloudOffers, HardwareOffer, ImageOffer } from '../cloud-driver.ts'
import { cloudError } from '../cloud-error.ts'
import { SimulatedCloud } from '../simulated/simulated-cloud.ts'
import { SimulatedDriver } from '../simulated/simulated-driver.ts'
import { afterDiscovery, emptyCatalogue, geographyOfEntry, withoutCredential } from './catalogue.ts'
import { CloudBook } from './cloud-book.ts'
import { candidatesOf, hardwareSizes } from './match.ts'
import { operatingSystemOf } from './operating-system.ts'

const signal = new AbortController().signal
const limits = { signal, withinMs: 10_000 }
const gib = 2 ** 30

function machine(id: string, cores: number, more: Partial<HardwareOffer> = {}): HardwareOffer {
  return { id, name: id, cores, memoryBytes: cores * gib, architectures: ['x64'], locations: ['eu-west-1'], ...more }
}

const debian: ImageOffer = {
  id: 'ami-1',
  name: 'debian-12-amd64-2026',
  architecture: 'x64',
  locations: ['eu-west-1'],
  createdMs: 1,
}

function offersOf(more: Partial<CloudOffers> = {}): CloudOffers {
  return {
    locations: [
      { id: 'eu-west-1', scope: 'region', isAssignable: false },
      { id: 'eu-west-1/eu-west-1a', scope: 'zone', parent: 'eu-west-1', isAssignable: true },
    ],
    hardware: [machine('small', 1), machine('big', 4)],
    images: [debian],
    quotas: [],
    isCut: false,
    ...more,
  }
}

function found(credential: string, offers: CloudOffers = offersOf(), before = emptyCatalogue, nowMs = 1) {
  return afterDiscovery(before, { cloud: 'ec2', credential, offers, nowMs })
}

describe('what clouds offer', () => {
  it('belongs to the credentials that see it, and goes with the last of them', () => {
    const both = found('b', offersOf({ hardware: [machine('small', 1)] }), found('a'))
    const of = (id: string, catalogue = both) => catalogue.hardware.find(({ offer }) => offer.id === id)?.credentials
    expect(of('small')).toEqual(['a', 'b'])
    expect(of('big')).toEqual(['a'])
    const left = withoutCredential(both, 'ec2', 'a')
    expect(of('small', left)).toEqual(['b'])
    expect(of('big', left)).toBeUndefined()
    expect(withoutCredential(both, 'other', 'a')).toEqual(both)
  })

  it('keeps what a person wrote, also of what is offered no more', () => {
    const price = { amount: 0.1, currency: 'EUR', unitMs: 1000 }
    const first = found('a')
    const completed = { ...first, hardware: first.hardware.map((one) => ({ ...one, completion: { price } })) }
    const gone = found('a', offersOf({ hardware: [machine('small', 2)] }), completed, 2)
    expect(gone.hardware).toMatchObject([
      { offer: { id: 'small', cores: 2 }, completion: { price }, credentials: ['a'], seenMs: 2 },
      { offer: { id: 'big' }, completion: { price }, credentials: [], seenMs: 1 },
    ])
    expect(candidatesOf(gone, {}).map(({ hardware }) => hardware)).toEqual(['small'])
  })

  it('loses nothing by a discovery that was cut', () => {
    const cut = found('a', offersOf({ images: [], isCut: true }), found('a'))
    expect(cut.images).toMatchObject([{ offer: { id: 'ami-1' }, credentials: ['a'] }])
  })

  it('is somewhere on earth', () => {
    const [region, zone] = found('a').locations
    expect(region && geographyOfEntry(region)).toMatchObject({ city: 'Dublin', countryCode: 'IE' })
    expect(zone && geographyOfEntry(zone)).toMatchObject({ city: 'Dublin' })
  })

  it.each([
    ['debian-12-amd64-20260101-1', 'linux', 'debian', '12'],
    ['ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260110', 'linux', 'ubuntu', '24.04'],
    ['Ubuntu 22.04', 'linux', 'ubuntu', '22.04'],
    ['Debian 13 (trixie)', 'linux', 'debian', '13'],
    ['al2023-ami-2023.6', 'linux', 'amazon', '2023'],
    ['Windows_Server-2022-English-Full-Base', 'windows', undefined, '2022'],
    ['my-own', 'unknown', undefined, undefined],
  ])('is a system by its name: %s', (name, family, distribution, version) => {
    expect(operatingSystemOf(name)).toMatchObject({ family, ...(distribution ? { distribution } : {}) })
    expect(operatingSystemOf(name).version).toBe(version)
  })
})

describe('a wish', () => {
  it('is met by the cheapest that is enough, then by the smallest', () => {
    const price = { amount: 0.01, currency: 'EUR', unitMs: 1000 }
    const catalogue = found('a', offersOf({ hardware: [machine('a', 2), machine('b', 4, { price }), machine('c', 1)] }))
    const order = candidatesOf(catalogue, {}).map(({ hardware }) => hardware)
    expect(order).toEqual(['b', 'c', 'a'])
    expect(candidatesOf(catalogue, { cores: 2, memoryBytes: 2 * gib }).map(({ hardware }) => hardware)).toEqual([
      'b',
      'a',
    ])
    expect(candidatesOf(catalogue, { diskBytes: 1 })).toEqual([])
  })

  it('is met by the newest image of the system, of the hardware’s architecture, where both are', () => {
    const images = [
      debian,
      { ...debian, id: 'ami-2', createdMs: 2 },
      { ...debian, id: 'ami-3', createdMs: 3, architecture: 'arm64' },
      { ...debian, id: 'ami-4', createdMs: 4, locations: ['us-east-1'] },
      { ...debian, id: 'ami-5', createdMs: 5, name: 'ubuntu-24.04' },
    ]
    const catalogue = found('a', offersOf({ images, hardware: [machine('small', 1)] }))
    const wish = { distribution: 'debian', version: '12', countryCodes: ['IE'], clouds: ['ec2'], credential: 'a' }
    const candidate = {
      cloud: 'ec2',
      location: 'eu-west-1/eu-west-1a',
      hardware: 'small',
      image: 'ami-2',
      price: undefined,
    }
    expect(candidatesOf(catalogue, wish)).toEqual([candidate])
    for (const other of [
      { version: '1' },
      { countryCodes: ['DE'] },
      { clouds: ['os'] },
      { credential: 'b' },
      { architecture: 'arm64' },
    ]) {
      expect(candidatesOf(catalogue, { ...wish, ...other })).toEqual([])
    }
  })

  it('may name a size instead of a provider’s word', () => {
    const catalogue = found('a', offersOf({ hardware: [machine('x', 4), machine('y', 1), machine('z', 4)] }))
    const sizes = hardwareSizes(catalogue.hardware)
    expect(sizes.map(({ cores, hardware }) => [cores, hardware.length])).toEqual([
      [1, 1],
      [4, 2],
    ])
  })
})

describe('the book of clouds', () => {
  const clock = new FakeClock()
  const cloud = { name: 'sim', driver: 'simulated', regions: ['north'], properties: {} } as const
  const credential = { cloud: 'sim', name: 'main', user: 'me', secret: 'sim-main' }

  async function openBook(rows: Map<string, string>, fails?: 'CLOUD_CREDENTIALS_EXPIRED'): Promise<CloudBook> {
    const driver = new SimulatedDriver(
      {},
      {
        cloud: new SimulatedCloud(),
        clock,
        gate: () => {
          if (fails) throw cloudError(fails, 'it is old')
        },
      },
    )
    return await CloudBook.open('acme', {
      registry: new MemoryRegistryStore(rows),
      clock,
      openDriver: async () => driver,
    })
  }

  it('has after a restart what was discovered and what was completed', async () => {
    const rows = new Map<string, string>()
    const book = await openBook(rows)
    await book.putCloud(cloud, signal)
    await book.putCredential(credential, signal)
    expect(book.credentials).toMatchObject([{ state: 'untried' }])
    expect(await book.discover('sim', 'main', limits)).toEqual([{ name: 'vms', limit: 10_000, used: 0 }])
    const geography = { city: 'Ulm', country: 'Germany', countryCode: 'DE', latitude: 48.4, longitude: 10 }
    await book.complete('locations', 'sim', 'north', { geography }, signal)

    const again = await openBook(rows)
    expect(again.clouds).toEqual([cloud])
    expect(again.credentials).toMatchObject([{ ...credential, state: 'good', checkedMs: clock.now() }])
    expect(again.catalogue.locations).toContainEqual(expect.objectContaining({ completion: { geography } }))
    expect(candidatesOf(again.catalogue, { cores: 2, countryCodes: ['DE'] })).toMatchObject([
      { location: 'north', hardware: 'size-2', image: 'debian-12' },
      { location: 'north', hardware: 'size-4' },
    ])
    await again.removeCloud('sim', signal)
    expect(rows.size).toBe(0)
  })

  it('marks a credential for what the cloud says of it, and keeps what was known', async () => {
    const rows = new Map<string, string>()
    const book = await openBook(rows, 'CLOUD_CREDENTIALS_EXPIRED')
    await book.putCloud(cloud, signal)
    await book.putCredential(credential, signal)
    await expect(book.discover('sim', 'main', limits)).rejects.toMatchObject({ code: 'CLOUD_CREDENTIALS_EXPIRED' })
    expect(book.credentials).toMatchObject([{ state: 'expired' }])
    expect([...rows.values()].join()).not.toContain('it is old')
  })

  it('names what is not there', async () => {
    const book = await openBook(new Map())
    await expect(book.putCredential(credential, signal)).rejects.toMatchObject({ code: 'CLOUD_UNKNOWN' })
    await book.putCloud(cloud, signal)
    await expect(book.discover('sim', 'main', limits)).rejects.toMatchObject({ code: 'CREDENTIAL_UNKNOWN' })
    await expect(book.complete('images', 'sim', 'x', {}, signal)).rejects.toMatchObject({ code: 'OFFER_UNKNOWN' })
    await expect(book.putCloud({ ...cloud, name: 'a!b' }, signal)).rejects.toMatchObject({ code: 'TOKEN_INVALID' })
  })
})
