/**
 * The configuration of a nats-server with our table in it: static users, agents and controller by nkey, operators by password.
 * Pure; `nats-server.ts` writes and starts it. Tried on 2.9 (Debian 12).
 */
import { LanistaError } from '#protocol/errors.ts'
import { permissionsOf } from '#protocol/permissions.ts'
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
/** Bytes waiting for one client before the server cuts it as too slow. */
const pendingBytesMax = 16 * 1024 * 1024

/** The text of the file. Throws USER_INVALID, NKEY_INVALID, TOKEN_INVALID for a user that could break out of its line. */
export function natsConfig(options: NatsConfigOptions): string {
  const host = options.host.includes(':') ? `[${options.host}]` : options.host
  return [
    '# written by lanista; changes are overwritten',
    `server_name: ${quote(options.serverName)}`,
    `listen: ${quote(`${host}:${options.port === 0 ? -1 : options.port}`)}`,
    `pid_file: ${quote(options.pidFile)}`,
    `max_payload: ${bodyBytesMax}`,
    'max_control_line: 4096',
    `max_connections: ${connectionsMax}`,
    'max_subscriptions: 256',
    `max_pending: ${pendingBytesMax}`,
    'write_deadline: "5s"',
    'ping_interval: "20s"',
    'ping_max: 2',
    natsAuthorization(options.users),
  ].join('\n')
}

/**
 * The `authorization` block alone, for a server that somebody else configures. Throws USER_INVALID, NKEY_INVALID, TOKEN_INVALID
 * for a user that could break out of its line.
 */
export function natsAuthorization(users: readonly BrokerUser[]): string {
  if (users.length === 0) {
    throw new LanistaError('USER_INVALID', 'give at least one user: a nats-server without users lets anybody in')
  }
  return ['authorization {', '  timeout: 5', '  users: [', ...users.map(userLine), '  ]', '}', ''].join('\n')
}

function userLine(user: BrokerUser): string {
  checkBrokerUser(user)
  const who =
    user.kind === 'operator'
      ? `user: ${quote(user.user)}, password: ${quote(user.password)}`
      : `nkey: ${quote(user.publicKey)}`
  const { publish, subscribe } = permissionsOf(roleOf(user))
  return `    { ${who}, permissions: { publish: { allow: ${list(publish)} }, subscribe: { allow: ${list(subscribe)} } } }`
}

/** On one line, so entries are set apart by commas (the server's own rule). */
function list(patterns: readonly string[]): string {
  return `[ ${patterns.map(quote).join(', ')} ]`
}

function quote(text: string): string {
  return JSON.stringify(text)
}
