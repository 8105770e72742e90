/**
 * The configuration of a nats-server with our table in it: static users, agents and controller by nkey, operators by password.
 * Pure; `nats-server.ts` writes and starts it. Tried on 2.9 (Debian 12).
 */
import { LanistaError } from '#protocol/errors.ts'
import { permissionsOf } from '#protocol/permissions.ts'
import { formatHostPort } from '#protocol/runtime/host-port.ts'
import { bodyBytesMax } from './connection.ts'
import { type BrokerUser, checkBrokerUser, roleOf } from './credentials.ts'

export interface NatsConfigOptions {
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
  readonly serverName: string
  readonly pidFile: string
  /** At least one: a nats-server without users lets anybody in. */
  readonly users: readonly BrokerUser[]
}

/** Connections in all. */
const connectionsMax = 10_000
/** Subscriptions of one client. */
const subscriptionsMax = 256
/** Bytes waiting for one client before the server cuts it as too slow. */
const pendingBytesMax = 16 * 1024 * 1024

/** The text of the file. Throws USER_INVALID, NKEY_INVALID, TOKEN_INVALID for a user that could break out of its line. */
export function natsConfig(options: NatsConfigOptions): string {
  return [...serverLines(options, subscriptionsMax), natsAuthorization(options.users)].join('\n')
}

/** What every nats-server of ours has, whoever its users are. `connectionSubscriptionsMax` holds for leaf links too. */
export function serverLines(
  options: Omit<NatsConfigOptions, 'users'>,
  connectionSubscriptionsMax: number,
): readonly string[] {
  return [
    '# written by lanista; changes are overwritten',
    `server_name: ${quote(options.serverName)}`,
    `listen: ${listenAt(options.host, options.port)}`,
    `pid_file: ${quote(options.pidFile)}`,
    `max_payload: ${bodyBytesMax}`,
    'max_control_line: 4096',
    `max_connections: ${connectionsMax}`,
    `max_subscriptions: ${connectionSubscriptionsMax}`,
    `max_pending: ${pendingBytesMax}`,
    'write_deadline: "5s"',
    'ping_interval: "20s"',
    'ping_max: 2',
  ]
}

/**
 * The `authorization` block alone, for a server that somebody else configures. Throws USER_INVALID, NKEY_INVALID, TOKEN_INVALID
 * for a user that could break out of its line.
 */
export function natsAuthorization(users: readonly BrokerUser[]): string {
  if (users.length === 0) {
    throw new LanistaError('USER_INVALID', 'give at least one user: a nats-server without users lets anybody in')
  }
  return [
    'authorization {',
    '  timeout: 5',
    '  users: [',
    ...users.map((user) => `    ${natsUser(user)}`),
    '  ]',
    '}',
    '',
  ].join('\n')
}

/**
 * One user as an entry of a list. A client's credential opens no leaf link: a server does not check what comes over one against
 * the user's lists before 2.11.16 (tried on 2.9.10). Throws USER_INVALID, NKEY_INVALID, TOKEN_INVALID.
 */
export function natsUser(user: BrokerUser): string {
  checkBrokerUser(user)
  const who =
    user.kind === 'operator'
      ? `user: ${quote(user.user)}, password: ${quote(user.password)}`
      : `nkey: ${quote(user.publicKey)}`
  const { publish, subscribe } = permissionsOf(roleOf(user))
  const permissions = `publish: { allow: ${list(publish)} }, subscribe: { allow: ${list(subscribe)} }`
  return `{ ${who}, permissions: { ${permissions} }, allowed_connection_types: [ "STANDARD", "WEBSOCKET" ] }`
}

/** `"host:port"`, quoted; 0 = any free port. */
export function listenAt(host: string, port: number): string {
  return quote(formatHostPort(host, port === 0 ? -1 : port))
}

/** On one line, so entries are set apart by commas (the server's own rule). */
function list(patterns: readonly string[]): string {
  return `[ ${patterns.map(quote).join(', ')} ]`
}

/** A string of the configuration. */
export function quote(text: string): string {
  return JSON.stringify(text)
}
