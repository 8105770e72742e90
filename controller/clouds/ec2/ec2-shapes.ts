/** EC2's shapes and ours. Pure. */
import { createHash } from 'node:crypto'
import type {
  Image,
  Instance,
  InstanceTypeInfo,
  IpPermission,
  RunInstancesCommandInput,
  Tag,
  TagSpecification,
} from '@aws-sdk/client-ec2'
import type { HardwareOffer, ImageOffer, OpenPort, Vm, VmSpec, VmState } from '../cloud-driver.ts'
import { cloudError } from '../cloud-error.ts'
import { marksOf, ownerTag, portWords, tagsOf } from '../vm-tags.ts'

/** `eu-west-1/eu-west-1a` or `eu-west-1`. Throws CLOUD_INVALID. */
export function placeOf(location: string): { region: string; zone?: string | undefined } {
  const [region = '', zone, ...rest] = location.split('/')
  if (region === '' || rest.length > 0) {
    throw cloudError('CLOUD_INVALID', `found location ${JSON.stringify(location)}, expected region or region/zone`)
  }
  return { region, zone }
}

/** `eu-west-1/i-0abc` taken apart; undefined when it is no id of ours. */
export function instanceIdOf(id: string): { region: string; instance: string } | undefined {
  const [, region, instance] = /^([a-z0-9-]+)\/(i-[0-9a-f]+)$/.exec(id) ?? []
  return region === undefined || instance === undefined ? undefined : { region, instance }
}

export interface Launch {
  readonly spec: VmSpec
  readonly token: string
  readonly zone: string | undefined
  readonly groupId: string
  readonly subnetId: string | undefined
  readonly keyName: string | undefined
}

/** Tags come with the launch, and the metadata service answers only to sessions, one hop away. */
export function launchOf({ spec, token, zone, groupId, subnetId, keyName }: Launch): RunInstancesCommandInput {
  const tags = listOf({ ...tagsOf(spec, token), Name: spec.name })
  return {
    ImageId: spec.image,
    InstanceType: spec.hardware as RunInstancesCommandInput['InstanceType'],
    MinCount: 1,
    MaxCount: 1,
    ClientToken: token,
    Placement: zone === undefined ? undefined : { AvailabilityZone: zone },
    KeyName: keyName,
    UserData: spec.userData === undefined ? undefined : Buffer.from(spec.userData).toString('base64'),
    InstanceInitiatedShutdownBehavior: 'terminate',
    MetadataOptions: {
      HttpEndpoint: 'enabled',
      HttpTokens: 'required',
      HttpPutResponseHopLimit: 1,
      InstanceMetadataTags: 'disabled',
    },
    NetworkInterfaces: [
      {
        DeviceIndex: 0,
        Groups: [groupId],
        SubnetId: subnetId,
        AssociatePublicIpAddress: spec.isPublic ?? false,
        DeleteOnTermination: true,
      },
    ],
    TagSpecifications: (['instance', 'volume', 'network-interface'] as const).map((ResourceType) => ({
      ResourceType,
      Tags: tags,
    })),
  }
}

const states: Readonly<Record<string, VmState>> = {
  pending: 'pending',
  running: 'running',
  'shutting-down': 'stopping',
  terminated: 'terminated',
  stopping: 'stopping',
  stopped: 'stopped',
}

/** An instance with our tags; undefined for any other. */
export function vmOf(region: string, instance: Instance): Vm | undefined {
  const tags = Object.fromEntries((instance.Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value]))
  const marks = marksOf(tags)
  if (!marks || instance.InstanceId === undefined) return undefined
  const zone = instance.Placement?.AvailabilityZone
  const reason = instance.StateReason?.Message
  return {
    id: `${region}/${instance.InstanceId}`,
    name: tags['Name'] ?? '',
    owner: marks.owner,
    token: marks.token,
    state: states[instance.State?.Name ?? ''] ?? 'pending',
    fault: reason === undefined || reason === '' ? undefined : reason,
    location: zone === undefined ? region : `${region}/${zone}`,
    hardware: instance.InstanceType ?? '',
    image: instance.ImageId ?? '',
    privateAddresses: [instance.PrivateIpAddress].flatMap((address) => address ?? []),
    publicAddresses: [instance.PublicIpAddress].flatMap((address) => address ?? []),
    createdMs: instance.LaunchTime?.getTime() ?? 0,
    labels: marks.labels,
  }
}

/** The same ports of the same owner share a group. */
export function groupNameOf(owner: string, ports: readonly OpenPort[]): string {
  return `lanista-${owner}-${digestOf(portWords(ports).join('\n'))}`
}

/** A key goes by its content: the same name is the same key. */
export function keyNameOf(publicKey: string): string {
  return `lanista-${digestOf(publicKey.trim())}`
}

/** The groups' own tag, so that they too are found as ours. */
export function groupTags(owner: string): TagSpecification[] {
  return [{ ResourceType: 'security-group', Tags: listOf({ [ownerTag]: owner }) }]
}

export function permissionsOf(ports: readonly OpenPort[]): IpPermission[] {
  return ports.map(({ protocol, from, to, source }) => ({
    IpProtocol: protocol,
    FromPort: from,
    ToPort: to,
    IpRanges: [{ CidrIp: source }],
  }))
}

/** Those ports that the group does not let in yet. */
export function missingPorts(ports: readonly OpenPort[], permissions: readonly IpPermission[]): OpenPort[] {
  const has = new Set(
    permissions.flatMap(({ IpProtocol, FromPort, ToPort, IpRanges = [] }) =>
      IpRanges.map(({ CidrIp }) => `${IpProtocol} ${FromPort}-${ToPort} ${CidrIp}`),
    ),
  )
  const seen = new Set<string>()
  return ports.filter((port) => {
    const [word = ''] = portWords([port])
    const isNew = !has.has(word) && !seen.has(word)
    seen.add(word)
    return isNew
  })
}

export function hardwareOf(region: string, type: InstanceTypeInfo): HardwareOffer | undefined {
  const cores = type.VCpuInfo?.DefaultVCpus
  const memoryMib = type.MemoryInfo?.SizeInMiB
  if (type.InstanceType === undefined || cores === undefined || memoryMib === undefined) return undefined
  const diskGb = type.InstanceStorageInfo?.TotalSizeInGB
  return {
    id: type.InstanceType,
    name: type.InstanceType,
    cores,
    memoryBytes: memoryMib * 2 ** 20,
    diskBytes: diskGb === undefined ? undefined : diskGb * 1e9,
    architectures: (type.ProcessorInfo?.SupportedArchitectures ?? []).flatMap((name) => architectureOf(name) ?? []),
    locations: [region],
  }
}

export function imageOf(region: string, image: Image): ImageOffer | undefined {
  if (image.ImageId === undefined) return undefined
  return {
    id: image.ImageId,
    name: image.Name ?? image.ImageId,
    architecture: architectureOf(image.Architecture),
    locations: [region],
    family: image.PlatformDetails?.startsWith('Windows') ? 'windows' : 'linux',
    createdMs: image.CreationDate === undefined ? undefined : Date.parse(image.CreationDate),
  }
}

function architectureOf(name: string | undefined): string | undefined {
  return name === 'x86_64' ? 'x64' : name === 'i386' ? 'ia32' : name
}

function listOf(tags: Readonly<Record<string, string>>): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }))
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
