/** Security groups and key pairs, made once by name. Neutron knows no unique names: of twins the lowest id is used. */
import * as z from 'zod'
import type { CloudCall } from '../cloud-calls.ts'
import type { OpenPort } from '../cloud-driver.ts'
import { portWords } from '../vm-tags.ts'
import { shaped } from './openstack-http.ts'
import { memberOf, type OpenstackRegion } from './openstack-region.ts'
import { groupNameOf, keyNameOf } from './openstack-shapes.ts'

const groupSchema = z.object({
  id: z.string(),
  security_group_rules: z.array(
    z.object({
      direction: z.string(),
      protocol: z.string().nullish(),
      port_range_min: z.number().nullish(),
      port_range_max: z.number().nullish(),
      remote_ip_prefix: z.string().nullish(),
    }),
  ),
})
type Group = z.infer<typeof groupSchema>

/** The id of the owner's group that lets in these ports; made, or completed, when it is not there. */
export async function ensureGroup(
  call: CloudCall,
  region: OpenstackRegion,
  owner: string,
  ports: readonly OpenPort[],
): Promise<string> {
  const name = groupNameOf(owner, { ports })
  const group = await call('security group', async (signal) => {
    const found = await region.rows('network', `/v2.0/security-groups?name=${name}`, 'security_groups', signal)
    const [first] = found
      .map((row) => shaped(groupSchema, row, 'security group'))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    return first ?? (await makeGroup(region, name, owner, signal))
  })
  const has = new Set(
    group.security_group_rules
      .filter(({ direction }) => direction === 'ingress')
      .map((rule) => `${rule.protocol} ${rule.port_range_min}-${rule.port_range_max} ${rule.remote_ip_prefix}`),
  )
  for (const port of ports) {
    const [word = ''] = portWords([port])
    if (has.has(word)) continue
    has.add(word)
    await call('security group rule', (signal) => addRule(region, group.id, port, signal))
  }
  return group.id
}

/** The key under a name made of its content. */
export async function ensureKey(call: CloudCall, region: OpenstackRegion, publicKey: string): Promise<string> {
  const name = keyNameOf(publicKey)
  const body = { keypair: { name, public_key: publicKey.trim() } }
  await call('key pair', (signal) =>
    region.ask('compute', { method: 'POST', path: '/os-keypairs', body }, signal, [alreadyThere]),
  )
  return name
}

/** HTTP 409: somebody was faster, or our own first answer was lost. */
const alreadyThere = 409

async function makeGroup(region: OpenstackRegion, name: string, owner: string, signal: AbortSignal): Promise<Group> {
  const body = { security_group: { name, description: `VMs of ${owner}, by lanista` } }
  const answer = await region.ask('network', { method: 'POST', path: '/v2.0/security-groups', body }, signal)
  return shaped(groupSchema, memberOf(answer.body, 'security_group'), 'security group')
}

async function addRule(region: OpenstackRegion, groupId: string, port: OpenPort, signal: AbortSignal): Promise<void> {
  const body = {
    security_group_rule: {
      security_group_id: groupId,
      direction: 'ingress',
      ethertype: 'IPv4',
      protocol: port.protocol,
      port_range_min: port.from,
      port_range_max: port.to,
      remote_ip_prefix: port.source,
    },
  }
  await region.ask('network', { method: 'POST', path: '/v2.0/security-group-rules', body }, signal, [alreadyThere])
}
