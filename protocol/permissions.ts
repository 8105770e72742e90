/**
 * Who may publish and hear what: the one table. NATS credentials and the hooks of the embedded broker are both made from it,
 * and our own Bus checks it before it sends. Reasons for every line: shared/reference/bus-proof.md §2. Two rules keep it
 * sound: no subscribe entry ends in `*` (old NATS servers then accept `>` below it), and every token that enters a list has
 * been checked against the alphabet (a host named `*` could publish as anybody).
 */
import { type Address, cloudHost, controllerHost, homeCloud, prefixOf } from '#protocol/subjects/subject.ts'
import { parseId } from '#protocol/subjects/token.ts'

/** Allow lists in NATS form. What is in no list is refused. */
export interface Permissions {
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
}

/** What a credential stands for. */
export type Role =
  | { readonly kind: 'agent'; readonly address: Address }
  | { readonly kind: 'controller' }
  | {
      readonly kind: 'operator'
      /** One tenant, or `everyTenant`: whoever runs the installation. */
      readonly tenant: string
    }

/** The tenant of an operator who may hear all of them. No agent's tenant can be called so. */
export const everyTenant = '*'

/** Subjects of the NATS service protocol; the embedded broker carries none of them. */
const serviceVerbs = ['PING', 'INFO', 'STATS'] as const
export const serviceName = 'lanista-agent'

/** The allow lists of a role. Throws TOKEN_INVALID when a token of the role is outside the alphabet or starts with `_`. */
export function permissionsOf(role: Role): Permissions {
  switch (role.kind) {
    case 'agent':
      return agentPermissions(role.address)
    case 'controller':
      return controllerPermissions
    case 'operator':
      return operatorPermissions(role.tenant === everyTenant ? everyTenant : parseId(role.tenant, 'tenant'))
  }
}

/**
 * What all agents of a cloud together may say and hear, whatever their tenant: for the border of the cloud (`crossings.ts`),
 * never for a credential. Throws TOKEN_INVALID.
 */
export function permissionsOfCloud(cloud: string): Permissions {
  return agentLists('*', parseId(cloud, 'cloud'), '*')
}

function agentPermissions(address: Address): Permissions {
  return agentLists(parseId(address.tenant, 'tenant'), parseId(address.cloud, 'cloud'), parseId(address.host, 'host'))
}

function agentLists(tenant: string, cloud: string, host: string): Permissions {
  const own = prefixOf({ tenant, cloud, host })
  const peers = `lanista.${tenant}.${cloud}.*`
  const home = `lanista.${tenant}.${homeCloud}`
  return {
    publish: [
      ...['birth', 'heartbeat', 'death', 'samples'].map((kind) => `${own}.${kind}`),
      ...['metric', 'partial', 'event', 'log', 'reply'].map((kind) => `${own}.${kind}.>`),
      `${peers}.ring.${host}.>`,
      `lanista.${tenant}.${cloud}.${cloudHost}.metric.>`,
      `lanista.${tenant}.${cloud}.${cloudHost}.merged.>`,
      `${home}._srv.>`,
    ],
    subscribe: [
      ...['order', 'control', 'ring'].map((kind) => `${own}.${kind}.>`),
      `${peers}.reply.${host}.>`,
      ...['birth', 'heartbeat', 'death'].map((kind) => `${peers}.${kind}`),
      `${peers}.partial.>`,
      `${home}.${controllerHost}.state`,
      `${home}.${controllerHost}.death.${cloud}.>`,
      ...serviceVerbs.flatMap((verb) => [
        `$SRV.${verb}`,
        `$SRV.${verb}.${serviceName}`,
        `$SRV.${verb}.${serviceName}.${host}`,
      ]),
    ],
  }
}

const controllerPermissions: Permissions = {
  publish: [
    'lanista.*.*.*.order.>',
    'lanista.*.*.*.control.>',
    `lanista.*.${homeCloud}.${controllerHost}.>`,
    'lanista._join.*.*.answer',
  ],
  subscribe: [
    ...['birth', 'heartbeat', 'death', 'samples'].map((kind) => `lanista.*.*.*.${kind}`),
    'lanista.*.*.*.event.>',
    'lanista.*.*.*.log.>',
    `lanista.*.*.*.reply.${controllerHost}.>`,
    `lanista.*.*.${cloudHost}.merged.>`,
    'lanista._join.*.*.ask',
  ],
}

function operatorPermissions(tenant: string): Permissions {
  return {
    publish: ['$SRV.>'],
    subscribe: [
      ...['birth', 'heartbeat', 'death'].map((kind) => `lanista.${tenant}.*.*.${kind}`),
      ...['metric', 'event', 'log'].map((kind) => `lanista.${tenant}.*.*.${kind}.>`),
      `lanista.${tenant}.${homeCloud}.${controllerHost}.state`,
      `lanista.${tenant}.${homeCloud}._srv.>`,
    ],
  }
}
