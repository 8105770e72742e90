/** Instances: launched once a client token, shown late and in pages, ended once. */
import type { Ec2Account, Instance } from './ec2-account.ts'
import { images, instanceTypes, zonesOf } from './ec2-offers.ts'
import { Ec2Fault, pageOf, passes, type QueryForm, type XmlValue } from './query-form.ts'

const userDataBytesMax = 16_384
const stateCodes = { pending: 0, running: 16, 'shutting-down': 32, terminated: 48 } as const

export function runInstances(account: Ec2Account, region: string, form: QueryForm): XmlValue {
  const zone = form.text('Placement.AvailabilityZone') ?? `${region}a`
  const clientToken = form.text('ClientToken') ?? ''
  const known = [...account.instances.values()].find((one) => clientToken !== '' && one.clientToken === clientToken)
  if (known) {
    checkSame(known, form)
    return launched(known)
  }
  checkLaunch(account, region, zone, form)
  const instance = instanceOf(account, region, zone, form)
  account.instances.set(instance.id, instance)
  account.boot(instance, Buffer.from(form.text('UserData') ?? '', 'base64').toString())
  return launched(instance)
}

export function describeInstances(account: Ec2Account, region: string, form: QueryForm): XmlValue {
  const ids = form.texts('InstanceId')
  const shown = [...account.instances.values()].filter((one) => one.region === region && account.isShown(one))
  for (const id of ids) need(shown, id)
  const asked = ids.length === 0 ? shown : shown.filter(({ id }) => ids.includes(id))
  const found = asked.filter((one) => passes(form, (name) => factsOf(one, name)))
  const { rows, nextToken } = pageOf(form, found, account.faults.pageSize)
  return { reservationSet: rows.map((one) => launched(one)), nextToken }
}

export function terminateInstances(account: Ec2Account, region: string, form: QueryForm): XmlValue {
  const shown = [...account.instances.values()].filter((one) => one.region === region && account.isShown(one))
  const ending = form.texts('InstanceId').map((id) => need(shown, id))
  const before = ending.map(({ state }) => state)
  for (const one of ending) account.end(one)
  return {
    instancesSet: ending.map((one, i) => ({
      instanceId: one.id,
      currentState: stateOf(one.state),
      previousState: stateOf(before[i] ?? one.state),
    })),
  }
}

function need(shown: readonly Instance[], id: string): Instance {
  const found = shown.find((one) => one.id === id)
  if (!found) throw new Ec2Fault('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`)
  return found
}

function checkSame(known: Instance, form: QueryForm): void {
  if (known.fingerprint !== form.fingerprint()) {
    throw new Ec2Fault(
      'IdempotentParameterMismatch',
      'Arguments on this idempotent request are inconsistent with arguments used in previous request(s).',
    )
  }
  if (known.state === 'terminated' || known.state === 'shutting-down') {
    throw new Ec2Fault('IdempotentInstanceTerminated', `The instance ${known.id} of this token was terminated`)
  }
}

function checkLaunch(account: Ec2Account, region: string, zone: string, form: QueryForm): void {
  const image = form.need('ImageId')
  const type = form.need('InstanceType')
  if (!images.some(({ id }) => id === image)) {
    throw new Ec2Fault('InvalidAMIID.NotFound', `The image id '[${image}]' does not exist`)
  }
  if (!instanceTypes.some((one) => one.type === type)) {
    throw new Ec2Fault('InvalidParameterValue', `Invalid value '${type}' for InstanceType.`)
  }
  if (!zonesOf(region).includes(zone))
    throw new Ec2Fault('InvalidParameterValue', `Invalid availability zone: [${zone}]`)
  const userData = form.text('UserData') ?? ''
  if (Buffer.from(userData, 'base64').length > userDataBytesMax) {
    throw new Ec2Fault('InvalidParameterValue', 'User data is limited to 16384 bytes')
  }
  const key = form.text('KeyName')
  if (key !== undefined && !account.keys.has(`${region} ${key}`)) {
    throw new Ec2Fault('InvalidKeyPair.NotFound', `The key pair '${key}' does not exist`)
  }
  for (const id of groupIdsOf(form)) {
    if (!account.groups.has(id))
      throw new Ec2Fault('InvalidGroup.NotFound', `The security group '${id}' does not exist`)
  }
  if (account.faults.isOverQuota) {
    throw new Ec2Fault('VcpuLimitExceeded', 'You have requested more vCPU capacity than your current vCPU limit')
  }
  if (account.faults.isFull) {
    const message = `We currently do not have sufficient ${type} capacity in the Availability Zone you requested (${zone}).`
    throw new Ec2Fault('InsufficientInstanceCapacity', message, 500)
  }
}

function instanceOf(account: Ec2Account, region: string, zone: string, form: QueryForm): Instance {
  const given = form.forms('TagSpecification').find((one) => one.text('ResourceType') === 'instance')
  return {
    id: account.nextId('i'),
    region,
    zone,
    imageId: form.need('ImageId'),
    type: form.need('InstanceType'),
    keyName: form.text('KeyName'),
    groupIds: groupIdsOf(form),
    tags: new Map(given?.forms('Tag').map((tag) => [tag.need('Key'), tag.text('Value') ?? ''])),
    clientToken: form.text('ClientToken') ?? '',
    fingerprint: form.fingerprint(),
    launchedMs: account.clock.now(),
    isPublic: form.text('NetworkInterface.1.AssociatePublicIpAddress') !== 'false',
    httpTokens: form.text('MetadataOptions.HttpTokens') ?? 'optional',
    hopLimit: Number(form.text('MetadataOptions.HttpPutResponseHopLimit') ?? 64),
    state: 'pending',
    endedMs: Number.POSITIVE_INFINITY,
    vm: undefined,
    booting: undefined,
    bootFailure: undefined,
    stop: new AbortController(),
  }
}

function groupIdsOf(form: QueryForm): string[] {
  return [...form.texts('SecurityGroupId'), ...form.texts('NetworkInterface.1.SecurityGroupId')]
}

function factsOf(one: Instance, name: string): readonly string[] | undefined {
  if (name.startsWith('tag:')) return [one.tags.get(name.slice(4))].flatMap((value) => value ?? [])
  if (name === 'tag-key') return [...one.tags.keys()]
  if (name === 'instance-state-name') return [one.state]
  if (name === 'client-token') return [one.clientToken]
  return undefined
}

/** A reservation of one instance: the answer to a launch, and a row of a list. */
function launched(instance: Instance): XmlValue {
  return { reservationId: `r-${instance.id.slice(2)}`, instancesSet: [instanceXml(instance)] }
}

function instanceXml(one: Instance): XmlValue {
  const isUp = one.state === 'running'
  const ownPublic = isUp && one.isPublic ? `198.51.${one.vm?.privateAddress.split('.').slice(2).join('.')}` : undefined
  return {
    instanceId: one.id,
    imageId: one.imageId,
    instanceState: stateOf(one.state),
    instanceType: one.type,
    keyName: one.keyName,
    clientToken: one.clientToken,
    launchTime: new Date(one.launchedMs).toISOString(),
    placement: { availabilityZone: one.zone, tenancy: 'default' },
    privateIpAddress: isUp ? one.vm?.privateAddress : undefined,
    ipAddress: ownPublic,
    groupSet: one.groupIds.map((groupId) => ({ groupId })),
    tagSet: [...one.tags].map(([key, value]) => ({ key, value })),
    metadataOptions: { state: 'applied', httpTokens: one.httpTokens, httpPutResponseHopLimit: one.hopLimit },
  }
}

function stateOf(state: Instance['state']): XmlValue {
  return { code: stateCodes[state], name: state }
}
