/** Amazon EC2, and what speaks its protocol. EC2 itself keeps the promise of one VM a token (`ClientToken`). */
import type { Clock } from '#protocol/runtime/clock.ts'
import { type CloudCall, CloudCalls, type CloudCallsOptions } from '../cloud-calls.ts'
import type {
  CallLimits,
  CloudCapabilities,
  CloudDriver,
  CloudOffers,
  HardwareOffer,
  ImageOffer,
  LocationOffer,
  TerminateOutcome,
  Vm,
  VmSpec,
} from '../cloud-driver.ts'
import { cloudError } from '../cloud-error.ts'
import { mergeOffers } from '../merge-offers.ts'
import { checkSpec } from '../vm-tags.ts'
import { Ec2Region, type Ec2Sdk } from './ec2-region.ts'
import { hardwareOf, imageOf, instanceIdOf, launchOf, placeOf, vmOf } from './ec2-shapes.ts'

export interface Ec2Options extends CloudCallsOptions {
  /** Regions that are used: at least one. */
  readonly regions: readonly string[]
  /** Where EC2 is; default Amazon's, by region. */
  readonly endpoint?: string | undefined
  readonly credential: Ec2Credential
  /** Images to offer. Default: Debian's and Canonical's own. */
  readonly images?: readonly ImageQuery[] | undefined
  /** Images offered at most, the newest of each query first. Default 2,000. */
  readonly imagesMax?: number | undefined
  /** The VPC of security groups, and subnets by zone. Default: the account's default VPC. */
  readonly vpc?: string | undefined
  readonly subnets?: Readonly<Record<string, string>> | undefined
}

export interface Ec2Credential {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of temporary credentials. */
  readonly sessionToken?: string | undefined
}

export interface ImageQuery {
  /** Account ids, or `self`. */
  readonly owners: readonly string[]
  /** Patterns with `*`. */
  readonly names: readonly string[]
}

export const defaultImageQueries: readonly ImageQuery[] = [
  { owners: ['136693071363'], names: ['debian-12-*', 'debian-13-*'] },
  { owners: ['099720109477'], names: ['ubuntu/images/hvm-ssd*/ubuntu-*-server-*'] },
]

const capabilities: CloudCapabilities = {
  isTokenAtomic: true,
  remembersSpentTokens: true,
  isRoomToldLate: false,
  userDataBytesMax: 16_384,
  visibleWithinMs: 300_000,
  hasPorts: true,
  hasKeys: true,
  hasPublicAddresses: true,
  hasPrices: false,
  hasQuotas: false,
}

export class Ec2Driver implements CloudDriver {
  readonly capabilities: CloudCapabilities = capabilities
  readonly #options: Ec2Options
  readonly #calls: CloudCalls
  readonly #regions: ReadonlyMap<string, Ec2Region>

  private constructor(options: Ec2Options, clock: Clock, sdk: Ec2Sdk) {
    this.#options = options
    this.#calls = new CloudCalls(options, { clock })
    this.#regions = new Map(options.regions.map((region) => [region, regionOf(options, sdk, region)]))
  }

  /** Loads the SDK; asks the cloud nothing yet. */
  static async open(options: Ec2Options, { clock }: { readonly clock: Clock }): Promise<Ec2Driver> {
    return new Ec2Driver(options, clock, await import('./ec2-sdk.ts'))
  }

  async ensure(spec: VmSpec, token: string, limits: CallLimits): Promise<Vm> {
    checkSpec(spec, token, this.capabilities)
    const { region: name, zone } = placeOf(spec.location)
    const region = this.#region(name)
    const call = this.#calls.begin(limits)
    const groupId = await region.group(call, spec.owner, spec.ports)
    const keyName = spec.publicKey === undefined ? undefined : await region.key(call, spec.publicKey)
    const subnetId = zone === undefined ? undefined : this.#options.subnets?.[zone]
    const vm = vmOf(name, await region.run(call, launchOf({ spec, token, zone, groupId, subnetId, keyName })))
    if (!vm)
      throw cloudError('CLOUD_INVALID', 'the cloud made a VM without our tags: it does not support tags at launch')
    if (vm.state === 'terminated' || vm.state === 'stopping') {
      throw cloudError('CLOUD_TOKEN_SPENT', `${vm.id} is ${vm.state}`)
    }
    return vm
  }

  async *list(owner: string, limits: CallLimits): AsyncIterable<Vm> {
    const call = this.#calls.begin(limits)
    const seen = new Set<string>()
    for (const [name, region] of this.#regions) {
      for await (const instance of region.instances(call, owner)) {
        const vm = vmOf(name, instance)
        // a list that is paged while it changes may say one twice
        if (!vm || vm.owner !== owner || seen.has(vm.id)) continue
        seen.add(vm.id)
        yield vm
      }
    }
  }

  async terminate(id: string, owner: string, limits: CallLimits): Promise<TerminateOutcome> {
    const place = instanceIdOf(id)
    const region = place && this.#regions.get(place.region)
    if (!place || !region) return 'unknown'
    const call = this.#calls.begin(limits)
    const instance = await region.instance(call, place.instance)
    if (!instance) return 'unknown'
    const vm = vmOf(place.region, instance)
    if (vm?.owner !== owner) throw cloudError('CLOUD_FOREIGN', `${id} is not of ${owner}`)
    if (vm.state === 'terminated') return 'gone'
    return (await region.terminate(call, place.instance)) ? 'terminating' : 'unknown'
  }

  async discover(limits: CallLimits): Promise<CloudOffers> {
    const call = this.#calls.begin(limits)
    const locations: LocationOffer[] = []
    const hardware: HardwareOffer[] = []
    const images: ImageOffer[] = []
    for (const [name, region] of this.#regions) {
      locations.push(...locationsOf(name, await region.zones(call)))
      for await (const type of region.types(call))
        hardware.push(...[hardwareOf(name, type)].flatMap((one) => one ?? []))
      images.push(...(await this.#images(call, name, region)))
    }
    const { imagesMax = 2000 } = this.#options
    const newest = mergeOffers(images).toSorted((a, b) => (b.createdMs ?? 0) - (a.createdMs ?? 0))
    const isCut = newest.length > imagesMax
    return { locations, hardware: mergeOffers(hardware), images: newest.slice(0, imagesMax), quotas: [], isCut }
  }

  async close(): Promise<void> {
    this.#calls.close()
    for (const region of this.#regions.values()) region.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #images(call: CloudCall, name: string, region: Ec2Region): Promise<ImageOffer[]> {
    const offers: ImageOffer[] = []
    for (const { owners, names } of this.#options.images ?? defaultImageQueries) {
      for await (const image of region.images(call, owners, names)) {
        offers.push(...[imageOf(name, image)].flatMap((one) => one ?? []))
      }
    }
    return offers
  }

  #region(name: string): Ec2Region {
    const region = this.#regions.get(name)
    if (region) return region
    const known = [...this.#regions.keys()].join(', ')
    throw cloudError('CLOUD_INVALID', `found region ${JSON.stringify(name)}, expected one of ${known}`)
  }
}

function regionOf(options: Ec2Options, sdk: Ec2Sdk, region: string): Ec2Region {
  const { endpoint, credential, vpc } = options
  const { accessKeyId, secretAccessKey, sessionToken } = credential
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) }
  const client = new sdk.EC2Client({
    region,
    credentials,
    maxAttempts: 1,
    ...(endpoint === undefined ? {} : { endpoint }),
  })
  return new Ec2Region(sdk, client, { vpc })
}

function locationsOf(region: string, zones: readonly string[]): LocationOffer[] {
  const own: LocationOffer = { id: region, scope: 'region', isAssignable: true }
  return [
    own,
    ...zones.map(
      (zone): LocationOffer => ({ id: `${region}/${zone}`, scope: 'zone', parent: region, isAssignable: true }),
    ),
  ]
}
