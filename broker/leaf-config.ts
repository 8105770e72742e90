/**
 * One NATS for many clouds: the configurations of a hub and of one leaf server a cloud. At the hub everybody of home is in the
 * account `HOME`, each cloud in a `LINK_<cloud>` of its own; stream exports and imports join them for what may cross
 * (`crossingsOf`) and nothing else. So the ring stays inside under a listener on `>`, and a hostile leaf server, whose
 * messages an old hub does not check (before 2.11.16), speaks and hears for its own cloud alone. Pure. Tried on 2.9.10.
 */
import { type Crossings, crossingsOf } from '#protocol/crossings.ts'
import { LanistaError } from '#protocol/errors.ts'
import { formatHostPort } from '#protocol/runtime/host-port.ts'
import { type BrokerUser, brokerUserId } from './credentials.ts'
import { listenAt, type NatsConfigOptions, natsConfig, natsUser, quote, serverLines } from './nats-config.ts'

/** What the leaf server of a cloud logs in with at the hub; good for a leaf link alone. */
export interface LeafLogin {
  readonly cloud: string
  /** 16 to 128 of A-Z a-z 0-9 _ - */
  readonly password: string
}

/** How a nats-server stands to others. */
export type NatsPlace =
  | { readonly kind: 'alone' }
  | {
      readonly kind: 'hub'
      /** Where leaf links arrive, on the host where clients do; 0 = any free port. */
      readonly leafPort: number
      /**
       * The address by which leaves reach that port from afar. A hub tells it to every leaf, which dials it before the one it
       * was given: behind a port mapping, or a listening address of 0.0.0.0, leaves would dial what means another machine there.
       * Default: where the hub listens.
       */
      readonly advertise?: { readonly host: string; readonly port: number } | undefined
      readonly leaves: readonly LeafLogin[]
    }
  | {
      readonly kind: 'leaf'
      readonly login: LeafLogin
      /** The hub's leaf port. */
      readonly hub: { readonly host: string; readonly port: number }
    }

type Hub = Extract<NatsPlace, { kind: 'hub' }>

/**
 * Subscriptions of one connection where there are leaf links: a link counts as one connection, and carries those of every
 * agent of the cloud (7 a host), or of every operator. Above it the server takes no more and logs it; the link stays.
 */
const linkSubscriptionsMax = 65_536

/** A cut link is dialled again after this many seconds (an integer, says the server). */
const redialSeconds = 1

/**
 * The text of the file. Throws USER_INVALID (also for an agent whose cloud dials elsewhere: its ring would be cut in two),
 * NKEY_INVALID, TOKEN_INVALID.
 */
export function placedConfig(options: Omit<NatsConfigOptions, 'serverName'>, place: NatsPlace): string {
  switch (place.kind) {
    case 'alone':
      return natsConfig({ ...options, serverName: 'lanista' })
    case 'hub':
      return hubConfig({ ...options, serverName: 'lanista-hub' }, place)
    case 'leaf':
      return leafConfig({ ...options, serverName: `lanista-leaf-${place.login.cloud}` }, place.login, place.hub)
  }
}

function hubConfig(options: NatsConfigOptions, { leafPort, leaves, advertise }: Hub): string {
  const clouds = new Set(leaves.map((login) => login.cloud))
  refuseUsers(options.users, (user) => user.kind !== 'agent' || !clouds.has(user.address.cloud))
  if (clouds.size === 0 || clouds.size < leaves.length) throw wrongLeaves(leaves)
  const toldLeaves = advertise ? `, advertise: ${listenAt(advertise.host, advertise.port)}` : ''
  const links = leaves.map((login) => ({ login, crossings: crossingsOf(login.cloud) }))
  return [
    ...serverLines(options, linkSubscriptionsMax),
    'accounts {',
    '  HOME {',
    ...block('users', options.users.map(natsUser)),
    ...block('exports', exportsOfHome(links)),
    ...block(
      'imports',
      links.flatMap(({ login, crossings }) => imports(linkAccount(login.cloud), crossings.up)),
    ),
    '  }',
    ...links.flatMap(({ login, crossings }) => linkLines(login, crossings)),
    '}',
    ...leafListener(`listen: ${listenAt(options.host, leafPort)}${toldLeaves}`, leaves),
  ].join('\n')
}

function linkLines(login: LeafLogin, { up, down }: Crossings): string[] {
  return [
    `  ${quote(linkAccount(login.cloud))} {`,
    ...block(
      'exports',
      up.map((pattern) => exported(pattern, ['HOME'])),
    ),
    ...block('imports', imports('HOME', down)),
    '  }',
  ]
}

/**
 * The logins stand here and not among the accounts' users, else a server also takes in a leaf that names nobody (tried: it gets
 * the account `$G`), and a client with a leaf's login. No lists for them: they fight with imported interest and close the link.
 */
function leafListener(listen: string, leaves: readonly LeafLogin[]): string[] {
  const users = leaves.map((login) => {
    const who = `user: ${quote(linkUser(login))}, password: ${quote(passwordOf(login))}`
    return `      { ${who}, account: ${quote(linkAccount(login.cloud))} }`
  })
  return ['leafnodes {', `  ${listen}`, '  authorization {', '    users: [', ...users, '    ]', '  }', '}', '']
}

/** What several clouds may hear is exported once, to all of them. */
function exportsOfHome(links: readonly { readonly login: LeafLogin; readonly crossings: Crossings }[]): string[] {
  const accountsOf = new Map<string, string[]>()
  for (const { login, crossings } of links) {
    for (const pattern of crossings.down) {
      accountsOf.set(pattern, [...(accountsOf.get(pattern) ?? []), linkAccount(login.cloud)])
    }
  }
  return [...accountsOf].map(([pattern, accounts]) => exported(pattern, accounts))
}

/** One account, so that the server itself keeps the cloud's agents among themselves; what may leave is the hub's to say. */
function leafConfig(options: NatsConfigOptions, login: LeafLogin, hub: { host: string; port: number }): string {
  refuseUsers(options.users, (user) => user.kind === 'agent' && user.address.cloud === login.cloud)
  const url = `nats-leaf://${linkUser(login)}:${passwordOf(login)}@${formatHostPort(hub.host, hub.port)}`
  return [
    ...serverLines(options, linkSubscriptionsMax),
    'accounts {',
    '  CLOUD {',
    ...block('users', options.users.map(natsUser)),
    '  }',
    '}',
    `leafnodes { reconnect: ${redialSeconds}, remotes: [ { url: ${quote(url)}, account: CLOUD } ] }`,
    '',
  ].join('\n')
}

/** A hub without any leaf's login would let in a leaf that names nobody. */
function wrongLeaves(leaves: readonly LeafLogin[]): LanistaError {
  const found = leaves.map((login) => login.cloud).join(', ') || 'none'
  return new LanistaError(
    'USER_INVALID',
    `name the leaf of each cloud once: found ${found}, expected one or more clouds`,
  )
}

function refuseUsers(users: readonly BrokerUser[], belongs: (user: BrokerUser) => boolean): void {
  const stranger = users.find((user) => !belongs(user))
  if (users.length > 0 && !stranger) return
  const found = stranger ? brokerUserId(stranger) : 'no user'
  throw new LanistaError(
    'USER_INVALID',
    `let in at a leaf the agents of its cloud, at the hub everybody else: found ${found} in the wrong place`,
  )
}

/** Cannot be an operator's name, which has no dot. */
function linkUser(login: LeafLogin): string {
  return `_leaf.${login.cloud}`
}

function passwordOf({ cloud, password }: LeafLogin): string {
  if (/^[A-Za-z0-9_-]{16,128}$/.test(password)) return password
  throw new LanistaError(
    'USER_INVALID',
    `choose another password for the leaf of ${cloud}: expected 16 to 128 of A-Z a-z 0-9 _ -`,
  )
}

function linkAccount(cloud: string): string {
  return `LINK_${cloud}`
}

function block(name: string, entries: readonly string[]): string[] {
  return [`    ${name}: [`, ...entries.map((entry) => `      ${entry}`), '    ]']
}

function exported(pattern: string, accounts: readonly string[]): string {
  return `{ stream: ${quote(pattern)}, accounts: [ ${accounts.map(quote).join(', ')} ] }`
}

function imports(account: string, patterns: readonly string[]): string[] {
  return patterns.map((pattern) => `{ stream: { account: ${quote(account)}, subject: ${quote(pattern)} } }`)
}
