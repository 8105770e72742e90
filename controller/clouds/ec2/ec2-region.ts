/** One region of EC2: our requests to it, each at our own pace and retried as its errors allow. The SDK itself retries nothing. */
import type { EC2Client, Image, Instance, InstanceTypeInfo, RunInstancesCommandInput } from '@aws-sdk/client-ec2'
import { isLanistaError } from '#protocol/errors.ts'
import type { CloudCall } from '../cloud-calls.ts'
import type { OpenPort } from '../cloud-driver.ts'
import { cloudError } from '../cloud-error.ts'
import { ownerTag } from '../vm-tags.ts'
import { ec2Fault } from './ec2-faults.ts'
import type * as sdk from './ec2-sdk.ts'
import { groupNameOf, groupTags, keyNameOf, missingPorts, permissionsOf } from './ec2-shapes.ts'

/** Instances of a page: EC2's own most. */
const pageSize = 1000

export type Ec2Sdk = typeof sdk

export interface Ec2RegionOptions {
  readonly vpc?: string | undefined
}

export class Ec2Region {
  readonly #sdk: Ec2Sdk
  readonly #client: EC2Client
  readonly #options: Ec2RegionOptions

  constructor(sdk: Ec2Sdk, client: EC2Client, options: Ec2RegionOptions) {
    this.#sdk = sdk
    this.#client = client
    this.#options = options
  }

  async run(call: CloudCall, input: RunInstancesCommandInput): Promise<Instance> {
    const { Instances = [] } = await this.#send(call, 'RunInstances', (abortSignal) =>
      this.#client.send(new this.#sdk.RunInstancesCommand(input), { abortSignal }),
    )
    const [instance] = Instances
    if (!instance) throw cloudError('CLOUD_TRANSIENT', 'RunInstances answered without an instance')
    return instance
  }

  /** All instances with the owner's tag. */
  async *instances(call: CloudCall, owner: string): AsyncIterable<Instance> {
    const input = { Filters: [{ Name: `tag:${ownerTag}`, Values: [owner] }], MaxResults: pageSize }
    let NextToken: string | undefined
    do {
      const page = await this.#send(call, 'DescribeInstances', (abortSignal) =>
        this.#client.send(new this.#sdk.DescribeInstancesCommand({ ...input, NextToken }), { abortSignal }),
      )
      for (const { Instances = [] } of page.Reservations ?? []) yield* Instances
      NextToken = page.NextToken
    } while (NextToken !== undefined && NextToken !== '')
  }

  /** One instance, whoever's it is; undefined while EC2 does not know it. */
  async instance(call: CloudCall, id: string): Promise<Instance | undefined> {
    try {
      const { Reservations = [] } = await this.#send(call, 'DescribeInstances', (abortSignal) =>
        this.#client.send(new this.#sdk.DescribeInstancesCommand({ InstanceIds: [id] }), { abortSignal }),
      )
      return Reservations.flatMap(({ Instances = [] }) => Instances).find(({ InstanceId }) => InstanceId === id)
    } catch (error) {
      if (isLanistaError(error, 'CLOUD_NOT_FOUND')) return undefined
      throw error
    }
  }

  /** False when EC2 does not know it. */
  async terminate(call: CloudCall, id: string): Promise<boolean> {
    try {
      await this.#send(call, 'TerminateInstances', (abortSignal) =>
        this.#client.send(new this.#sdk.TerminateInstancesCommand({ InstanceIds: [id] }), { abortSignal }),
      )
      return true
    } catch (error) {
      if (isLanistaError(error, 'CLOUD_NOT_FOUND')) return false
      throw error
    }
  }

  /** The owner's group that lets in these ports and nothing else; made, or completed, when it is not there. Its id. */
  async group(call: CloudCall, owner: string, ports: readonly OpenPort[]): Promise<string> {
    const name = groupNameOf(owner, ports)
    const found = (await this.#findGroup(call, name)) ?? (await this.#makeGroup(call, owner, name))
    const missing = missingPorts(ports, found.permissions)
    if (missing.length === 0) return found.id
    const input = { GroupId: found.id, IpPermissions: permissionsOf(missing) }
    await this.#unlessDuplicate('InvalidPermission.Duplicate', () =>
      this.#send(call, 'AuthorizeSecurityGroupIngress', (abortSignal) =>
        this.#client.send(new this.#sdk.AuthorizeSecurityGroupIngressCommand(input), { abortSignal }),
      ),
    )
    return found.id
  }

  /** The key under a name made of its content. */
  async key(call: CloudCall, publicKey: string): Promise<string> {
    const KeyName = keyNameOf(publicKey)
    const PublicKeyMaterial = Buffer.from(publicKey.trim())
    await this.#unlessDuplicate('InvalidKeyPair.Duplicate', () =>
      this.#send(call, 'ImportKeyPair', (abortSignal) =>
        this.#client.send(new this.#sdk.ImportKeyPairCommand({ KeyName, PublicKeyMaterial }), { abortSignal }),
      ),
    )
    return KeyName
  }

  async zones(call: CloudCall): Promise<string[]> {
    const { AvailabilityZones = [] } = await this.#send(call, 'DescribeAvailabilityZones', (abortSignal) =>
      this.#client.send(new this.#sdk.DescribeAvailabilityZonesCommand({}), { abortSignal }),
    )
    return AvailabilityZones.flatMap(({ ZoneName, State }) => (State === 'available' && ZoneName ? [ZoneName] : []))
  }

  async *types(call: CloudCall): AsyncIterable<InstanceTypeInfo> {
    let NextToken: string | undefined
    do {
      const page = await this.#send(call, 'DescribeInstanceTypes', (abortSignal) =>
        this.#client.send(new this.#sdk.DescribeInstanceTypesCommand({ MaxResults: 100, NextToken }), { abortSignal }),
      )
      yield* page.InstanceTypes ?? []
      NextToken = page.NextToken
    } while (NextToken !== undefined && NextToken !== '')
  }

  /** Available images of these owners whose names match one of the patterns (`*` = anything). */
  async *images(call: CloudCall, owners: readonly string[], names: readonly string[]): AsyncIterable<Image> {
    const filters = [
      { Name: 'state', Values: ['available'] },
      { Name: 'name', Values: [...names] },
    ]
    const input = { Owners: [...owners], Filters: filters, MaxResults: pageSize }
    let NextToken: string | undefined
    do {
      const page = await this.#send(call, 'DescribeImages', (abortSignal) =>
        this.#client.send(new this.#sdk.DescribeImagesCommand({ ...input, NextToken }), { abortSignal }),
      )
      yield* page.Images ?? []
      NextToken = page.NextToken
    } while (NextToken !== undefined && NextToken !== '')
  }

  close(): void {
    this.#client.destroy()
  }

  async #findGroup(call: CloudCall, name: string): Promise<Group | undefined> {
    const { vpc } = this.#options
    const Filters = [{ Name: 'group-name', Values: [name] }]
    if (vpc !== undefined) Filters.push({ Name: 'vpc-id', Values: [vpc] })
    const { SecurityGroups = [] } = await this.#send(call, 'DescribeSecurityGroups', (abortSignal) =>
      this.#client.send(new this.#sdk.DescribeSecurityGroupsCommand({ Filters }), { abortSignal }),
    )
    const [group] = SecurityGroups
    if (group?.GroupId === undefined) return undefined
    if (!group.Tags?.some(({ Key }) => Key === ownerTag)) {
      throw cloudError('CLOUD_FOREIGN', `the security group ${name} is not ours`)
    }
    return { id: group.GroupId, permissions: group.IpPermissions ?? [] }
  }

  async #makeGroup(call: CloudCall, owner: string, name: string): Promise<Group> {
    const input = {
      GroupName: name,
      Description: `VMs of ${owner}, by lanista`,
      VpcId: this.#options.vpc,
      TagSpecifications: groupTags(owner),
    }
    const made = await this.#unlessDuplicate('InvalidGroup.Duplicate', () =>
      this.#send(call, 'CreateSecurityGroup', (abortSignal) =>
        this.#client.send(new this.#sdk.CreateSecurityGroupCommand(input), { abortSignal }),
      ),
    )
    if (made?.GroupId !== undefined) return { id: made.GroupId, permissions: [] }
    // somebody was faster, or the answer to our own first request was lost: it will be shown
    return await call('DescribeSecurityGroups', async () => {
      const group = await this.#findGroup(call, name)
      if (!group) throw cloudError('CLOUD_TRANSIENT', `the security group ${name} is not shown yet`)
      return group
    })
  }

  async #send<T>(call: CloudCall, action: string, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return await call(action, async (signal) => {
      try {
        return await send(signal)
      } catch (error) {
        throw ec2Fault(error)
      }
    })
  }

  /** What `make` answers; undefined when EC2 says that it is there already. */
  async #unlessDuplicate<T>(code: string, make: () => Promise<T>): Promise<T | undefined> {
    try {
      return await make()
    } catch (error) {
      if (isLanistaError(error) && error.data['cloudCode'] === code) return undefined
      throw error
    }
  }
}

interface Group {
  readonly id: string
  readonly permissions: Parameters<typeof missingPorts>[1]
}
