/** Security groups and key pairs. */
import { createHash } from 'node:crypto'
import type { Ec2Account, SecurityGroup } from './ec2-account.ts'
import { Ec2Fault, passes, type QueryForm, type XmlValue } from './query-form.ts'

export function createGroup(account: Ec2Account, region: string, form: QueryForm): XmlValue {
  const name = form.need('GroupName')
  if (groupsOf(account, region).some((group) => group.name === name)) {
    throw new Ec2Fault('InvalidGroup.Duplicate', `The security group '${name}' already exists`)
  }
  const id = account.nextId('sg')
  account.groups.set(id, { id, name, region, tags: tagsOf(form, 'security-group'), rules: new Set() })
  return { return: true, groupId: id }
}

export function authorizeIngress(account: Ec2Account, _region: string, form: QueryForm): XmlValue {
  const group = account.groups.get(form.need('GroupId'))
  if (!group) throw new Ec2Fault('InvalidGroup.NotFound', `The security group '${form.need('GroupId')}' does not exist`)
  const rules = form.forms('IpPermissions').flatMap((rule) => {
    const ports = `${rule.need('IpProtocol')} ${rule.need('FromPort')}-${rule.need('ToPort')}`
    return rule.forms('IpRanges').map((range) => `${ports} ${range.need('CidrIp')}`)
  })
  for (const rule of rules) {
    if (group.rules.has(rule)) {
      throw new Ec2Fault('InvalidPermission.Duplicate', `the specified rule "${rule}" already exists`)
    }
  }
  for (const rule of rules) group.rules.add(rule)
  return { return: true }
}

export function describeGroups(account: Ec2Account, region: string, form: QueryForm): XmlValue {
  const found = groupsOf(account, region).filter((group) =>
    passes(form, (name) => {
      if (name === 'group-name') return [group.name]
      return name.startsWith('tag:') ? [group.tags.get(name.slice(4)) ?? ''] : undefined
    }),
  )
  return { securityGroupInfo: found.map(groupXml) }
}

export function importKey(account: Ec2Account, region: string, form: QueryForm): XmlValue {
  const name = form.need('KeyName')
  const key = `${region} ${name}`
  if (account.keys.has(key)) throw new Ec2Fault('InvalidKeyPair.Duplicate', `The keypair '${name}' already exists.`)
  const material = Buffer.from(form.need('PublicKeyMaterial'), 'base64').toString()
  if (!/^ssh-(?:rsa|ed25519) [A-Za-z0-9+/=]+/.test(material)) {
    throw new Ec2Fault('InvalidKey.Format', 'Key is not in valid OpenSSH public key format')
  }
  account.keys.set(key, material)
  return { keyName: name, keyFingerprint: fingerprintOf(material) }
}

export function describeKeys(account: Ec2Account, region: string): XmlValue {
  const mine = [...account.keys].filter(([key]) => key.startsWith(`${region} `))
  return {
    keySet: mine.map(([key, material]) => ({
      keyName: key.slice(region.length + 1),
      keyFingerprint: fingerprintOf(material),
    })),
  }
}

function tagsOf(form: QueryForm, type: string): Map<string, string> {
  const given = form.forms('TagSpecification').find((one) => one.text('ResourceType') === type)
  return new Map(given?.forms('Tag').map((tag) => [tag.need('Key'), tag.text('Value') ?? '']))
}

function groupsOf(account: Ec2Account, region: string): SecurityGroup[] {
  return [...account.groups.values()].filter((group) => group.region === region)
}

function groupXml({ id, name, tags, rules }: SecurityGroup): XmlValue {
  return {
    groupId: id,
    groupName: name,
    tagSet: [...tags].map(([key, value]) => ({ key, value })),
    ipPermissions: [...rules].map((rule) => {
      const [ipProtocol = '', ports = '', cidrIp = ''] = rule.split(' ')
      const [fromPort, toPort] = ports.split('-').map(Number)
      return { ipProtocol, fromPort, toPort, ipRanges: [{ cidrIp }] }
    }),
  }
}

function fingerprintOf(material: string): string {
  return createHash('sha256').update(material).digest('base64')
}
