/**
 * Who may do what, as cases: one list that the table of permissions.ts, the embedded broker and a real NATS server are all held to.
 * Source: shared/reference/bus-proof.md §2, each refusal tried there.
 */
import { everyTenant, type Role } from './permissions.ts'

/** One case; `subject` is a literal for `publish`, literal or pattern for `subscribe`. */
export interface PermissionCase {
  readonly role: Role
  readonly action: 'publish' | 'subscribe'
  readonly subject: string
  readonly allowed: boolean
}

/** The agent of the cases; `web-2` is its peer in the same cloud, `far-1` lives in `c2`, `acme` and `evil` are tenants. */
export const matrixAgent: Role = { kind: 'agent', address: { tenant: 'acme', cloud: 'c1', host: 'web-1' } }
export const matrixController: Role = { kind: 'controller' }
export const matrixOperator: Role = { kind: 'operator', tenant: 'acme' }

/** The installation's own operator, who hears every tenant. */
export const matrixEveryTenant: Role = { kind: 'operator', tenant: everyTenant }

const own = 'lanista.acme.c1.web-1'
const peer = 'lanista.acme.c1.web-2'
const cloud = 'lanista.acme.c1._cloud'
const home = 'lanista.acme._home._controller'
const otherCloud = ['lanista.acme.c2.far-1', 'lanista.acme.c2.web-1']
const otherTenant = ['lanista.evil.c1.web-1', 'lanista.evil.c1.web-9']
const strangers = [peer, ...otherCloud, ...otherTenant]

/** What an agent says under its own name, one of each. */
const saidByAgents = [
  'birth',
  'heartbeat',
  'death',
  'samples',
  'metric.cpu.usage',
  'partial.cpu-5m',
  'event.started',
  'log.web-0',
  'reply._controller.id1',
  'reply._controller.blob-id1',
  'reply.web-9.id1',
]

const everything = [
  '>',
  '*',
  '*.>',
  'lanista.>',
  'lanista.*.>',
  'lanista.acme.>',
  'lanista.acme.c1.>',
  'lanista.acme.c1.*.*',
]

const foreign = ['_INBOX.abc', '$SYS.REQ.SERVER.PING', '$JS.API.INFO', 'other.subject']

function cases(
  role: Role,
  action: 'publish' | 'subscribe',
  allowed: boolean,
  subjects: readonly string[],
): PermissionCase[] {
  return subjects.map((subject) => ({ role, action, subject, allowed }))
}

function under(prefixes: readonly string[], kinds: readonly string[]): string[] {
  return prefixes.flatMap((prefix) => kinds.map((kind) => `${prefix}.${kind}`))
}

const agentCases: readonly PermissionCase[] = [
  ...cases(matrixAgent, 'publish', true, [
    ...under([own], saidByAgents),
    ...under([peer, own], ['ring.web-1.store.id1']),
    `${cloud}.metric.cpu-5m`,
    `${cloud}.merged.cpu-5m`,
    'lanista.acme._home._srv.abc',
  ]),
  ...cases(matrixAgent, 'publish', false, [
    ...under(strangers, saidByAgents),
    ...under([own, ...strangers], ['order.start.id1', 'control.ack.id1']),
    ...under([peer], ['ring.web-2.store.id1', 'ring.web-9.store.id1', 'ring.web-1']),
    ...under([...otherCloud, ...otherTenant], ['ring.web-1.store.id1']),
    ...under(
      [cloud],
      ['birth', 'death', 'heartbeat', 'samples', 'event.x', 'reply._controller.id1', 'metric', 'merged'],
    ),
    ...under([home], ['state', 'metric.x', 'event.x', 'death.c1.web-2', 'birth']),
    ...under([own], ['birth.more', 'samples.more', 'metric', 'state']),
    'lanista.evil._home._srv.abc',
    'lanista._join.c1.key.ask',
    'lanista._join.c1.key.answer',
    '$SRV.PING',
    ...foreign,
  ]),
  ...cases(matrixAgent, 'subscribe', true, [
    ...under([own], ['order.>', 'control.>', 'ring.>', 'order.start.id1', 'reply.web-1.>', 'birth']),
    'lanista.acme.c1.*.reply.web-1.>',
    `${peer}.reply.web-1.id1`,
    ...under(['lanista.acme.c1.*', peer], ['birth', 'heartbeat', 'death', 'partial.>']),
    `${home}.state`,
    `${home}.death.c1.>`,
    `${home}.death.c1.web-1`,
    '$SRV.PING',
    '$SRV.INFO.lanista-agent',
    '$SRV.STATS.lanista-agent.web-1',
  ]),
  ...cases(matrixAgent, 'subscribe', false, [
    ...everything,
    ...under(strangers, [
      'order.>',
      'order.start.id1',
      'control.>',
      'control.blob.>',
      'ring.>',
      'samples',
      'metric.>',
      'event.>',
      'log.>',
      'reply.>',
    ]),
    ...under(
      ['lanista.acme.c1.*'],
      ['order.>', 'control.>', 'ring.>', 'ring.web-1.>', 'samples', 'metric.>', 'log.>', 'event.>'],
    ),
    ...under(
      ['lanista.acme.c1.*'],
      ['reply.>', 'reply.*.>', 'reply.web-2.>', 'reply._controller.>', 'reply.*', '>', '*'],
    ),
    ...under([...otherCloud, ...otherTenant], ['birth', 'heartbeat', 'death', 'partial.>', 'reply.web-1.>']),
    ...under(['lanista.acme.*.*', 'lanista.*.c1.*'], ['birth', 'heartbeat', 'death', 'partial.>']),
    ...under([home], ['>', 'death.>', 'death.*.>', 'death.c2.>', 'metric.>', 'event.>']),
    `${cloud}.merged.>`,
    'lanista.evil._home._controller.state',
    'lanista.acme._home._srv.>',
    'lanista._join.>',
    '$SRV.>',
    '$SRV.*',
    '$SRV.PING.>',
    '$SRV.PING.lanista-agent.web-2',
    '_INBOX.>',
    '$SYS.>',
    '$JS.>',
  ]),
]

const controllerCases: readonly PermissionCase[] = [
  ...cases(matrixController, 'publish', true, [
    ...under([own, ...strangers], ['order.start.id1', 'control.ack.id1', 'control.birth.id1']),
    ...under([home, 'lanista.evil._home._controller'], ['state', 'metric.x', 'event.scaled', 'death.c1.web-1']),
    'lanista._join.c1.key.answer',
  ]),
  ...cases(matrixController, 'publish', false, [
    ...under([own], [...saidByAgents, 'ring._controller.store.id1', 'order', 'control']),
    `${cloud}.metric.x`,
    `${cloud}.merged.x`,
    'lanista.acme._home.web-1.state',
    'lanista._join.c1.key.ask',
    ...foreign,
  ]),
  ...cases(matrixController, 'subscribe', true, [
    ...under(['lanista.*.*.*', own], ['birth', 'heartbeat', 'death', 'samples', 'event.>', 'log.>']),
    ...under(['lanista.*.*.*', own], ['reply._controller.>']),
    'lanista.*.*._cloud.merged.>',
    'lanista._join.*.*.ask',
  ]),
  ...cases(matrixController, 'subscribe', false, [
    ...everything,
    ...under(
      ['lanista.*.*.*'],
      ['ring.>', 'partial.>', 'metric.>', 'order.>', 'control.>', 'reply.>', 'reply.web-1.>', 'merged.>', '>', '*'],
    ),
    '$SYS.>',
    '_INBOX.>',
  ]),
]

const operatorCases: readonly PermissionCase[] = [
  ...cases(matrixOperator, 'publish', true, ['$SRV.PING', '$SRV.INFO.lanista-agent', '$SRV.STATS.lanista-agent.web-1']),
  ...cases(matrixOperator, 'publish', false, [
    ...under([own, peer], [...saidByAgents, 'order.start.id1', 'control.ack.id1', 'ring.web-1.store.id1']),
    ...under([home], ['state', 'metric.x', 'death.c1.web-1']),
    'lanista.acme._home._srv.abc',
    ...foreign,
  ]),
  ...cases(matrixOperator, 'subscribe', true, [
    ...under(
      ['lanista.acme.*.*', own, cloud],
      ['metric.>', 'metric.cpu.*', 'event.>', 'log.>', 'birth', 'heartbeat', 'death'],
    ),
    `${home}.state`,
    `${home}.metric.>`,
    'lanista.acme._home._srv.>',
  ]),
  ...cases(matrixOperator, 'subscribe', false, [
    ...everything,
    ...under(
      ['lanista.acme.*.*', own],
      ['order.>', 'control.>', 'ring.>', 'reply.>', 'partial.>', 'samples', 'merged.>', '>', '*'],
    ),
    ...under(['lanista.*.*.*', 'lanista.evil.*.*'], ['metric.>', 'event.>', 'log.>', 'birth']),
    'lanista.evil._home._controller.state',
    'lanista.evil._home._srv.>',
    '$SRV.>',
    '_INBOX.>',
    '$SYS.>',
  ]),
]

const everyTenantCases: readonly PermissionCase[] = [
  ...cases(matrixEveryTenant, 'publish', false, [
    ...under([own, 'lanista.evil.c1.web-1'], [...saidByAgents, 'order.start.id1', 'control.ack.id1']),
    ...under([home], ['state', 'metric.x']),
    ...foreign,
  ]),
  ...cases(matrixEveryTenant, 'subscribe', true, [
    ...under(
      ['lanista.*.*.*', 'lanista.evil.*.*', own],
      ['metric.>', 'event.>', 'log.>', 'birth', 'heartbeat', 'death'],
    ),
    `${home}.state`,
  ]),
  ...cases(matrixEveryTenant, 'subscribe', false, [
    ...everything,
    ...under(['lanista.*.*.*', own], ['order.>', 'control.>', 'ring.>', 'reply.>', 'partial.>', 'samples', '>', '*']),
    '_INBOX.>',
    '$SYS.>',
  ]),
]

/** All cases. Those on `$SRV` and `_srv` concern NATS only: the embedded broker carries no service protocol. */
export const permissionsMatrix: readonly PermissionCase[] = [
  ...agentCases,
  ...controllerCases,
  ...operatorCases,
  ...everyTenantCases,
]

/** Tokens with which a name could reach beyond its own: none may enter a subject, a list or a credential as tenant, cloud or host. */
export const smugglingTokens: readonly string[] = [
  '',
  '*',
  '>',
  '+',
  '#',
  'a.b',
  'a/b',
  'a*',
  'a>',
  '$SYS',
  'a b',
  'a\n',
  'a\r\nPUB x 0',
  'a\u0000',
  'ä',
  'a'.repeat(65),
]
