/** What the EC2 server offers: two regions, their zones, a few types and images; taken from the real catalogue. */
import type { Ec2Account } from './ec2-account.ts'
import { pageOf, passes, type QueryForm, type XmlValue } from './query-form.ts'

export const regions: readonly string[] = ['eu-west-1', 'us-east-1']

export function zonesOf(region: string): string[] {
  return ['a', 'b', 'c'].map((letter) => `${region}${letter}`)
}

export const instanceTypes: readonly {
  type: string
  cores: number
  memoryMib: number
  diskGb?: number
  arch: string
}[] = [
  { type: 't3.micro', cores: 2, memoryMib: 1024, arch: 'x86_64' },
  { type: 't3.small', cores: 2, memoryMib: 2048, arch: 'x86_64' },
  { type: 't4g.small', cores: 2, memoryMib: 2048, arch: 'arm64' },
  { type: 'm5d.large', cores: 2, memoryMib: 8192, diskGb: 75, arch: 'x86_64' },
]

export const images: readonly { id: string; name: string; arch: string; owner: string; created: string }[] = [
  {
    id: 'ami-0123456789abcdef0',
    name: 'debian-12-amd64-20260101-1',
    arch: 'x86_64',
    owner: '136693071363',
    created: '2026-01-01T00:00:00.000Z',
  },
  {
    id: 'ami-0123456789abcdef1',
    name: 'debian-12-arm64-20260101-1',
    arch: 'arm64',
    owner: '136693071363',
    created: '2026-01-01T00:00:00.000Z',
  },
  {
    id: 'ami-0123456789abcdef2',
    name: 'ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260110',
    arch: 'x86_64',
    owner: '099720109477',
    created: '2026-01-10T00:00:00.000Z',
  },
  {
    id: 'ami-0123456789abcdef3',
    name: 'somebody-elses',
    arch: 'x86_64',
    owner: '123456789012',
    created: '2026-01-10T00:00:00.000Z',
  },
]

export function describeRegions(): XmlValue {
  return {
    regionInfo: regions.map((name) => ({
      regionName: name,
      regionEndpoint: `ec2.${name}.amazonaws.com`,
      optInStatus: 'opt-in-not-required',
    })),
  }
}

export function describeZones(_account: Ec2Account, region: string): XmlValue {
  return {
    availabilityZoneInfo: zonesOf(region).map((zoneName) => ({
      zoneName,
      zoneState: 'available',
      regionName: region,
      zoneType: 'availability-zone',
      optInStatus: 'opt-in-not-required',
    })),
  }
}

export function describeTypes(account: Ec2Account, _region: string, form: QueryForm): XmlValue {
  const { rows, nextToken } = pageOf(form, instanceTypes, account.faults.pageSize)
  return {
    instanceTypeSet: rows.map(({ type, cores, memoryMib, diskGb, arch }) => ({
      instanceType: type,
      currentGeneration: true,
      vCpuInfo: { defaultVCpus: cores },
      memoryInfo: { sizeInMiB: memoryMib },
      processorInfo: { supportedArchitectures: [arch] },
      instanceStorageInfo: diskGb === undefined ? undefined : { totalSizeInGB: diskGb },
    })),
    nextToken,
  }
}

export function describeImages(account: Ec2Account, _region: string, form: QueryForm): XmlValue {
  const owners = form.texts('Owner')
  const found = images.filter(
    (image) =>
      (owners.length === 0 || owners.includes(image.owner)) &&
      passes(form, (name) => ({ name: [image.name], state: ['available'], architecture: [image.arch] })[name]),
  )
  const { rows, nextToken } = pageOf(form, found, account.faults.pageSize)
  return {
    imagesSet: rows.map(({ id, name, arch, owner, created }) => ({
      imageId: id,
      name,
      imageState: 'available',
      architecture: arch,
      imageOwnerId: owner,
      creationDate: created,
      platformDetails: 'Linux/UNIX',
    })),
    nextToken,
  }
}
