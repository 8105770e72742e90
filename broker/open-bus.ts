/** The one way to a bus over the network: NATS or MQTT, by the URL. */
import { randomBytes } from 'node:crypto'
import { LanistaError } from '#protocol/errors.ts'
import type { Role } from '#protocol/permissions.ts'
import type { BackoffOptions } from '#protocol/runtime/backoff.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { hostIdOf } from '#protocol/subjects/subject.ts'
import type { CountedBus } from './bus.ts'
import { BusCore } from './bus-core.ts'
import type { Dial } from './connection.ts'
import type { Credential } from './credentials.ts'
import type { MqttLogin, Will } from './mqtt.ts'
import { makeMqttPassword } from './mqtt-password.ts'
import { nkeyFromSeed } from './nkey.ts'
import type { ServiceDescription } from './service-responder.ts'
import { supervise } from './supervisor.ts'

export interface OpenBusOptions {
  /** `nats://host:port` or `mqtt://host:port`; several of one kind are tried in turn. */
  readonly url: string | readonly string[]
  readonly role: Role
  readonly credential: Credential
  /** Shown in a NATS server's connection list: `T.C.H/version`. */
  readonly name: string
  /**
   * Published by an MQTT broker when the connection breaks without a goodbye; a function is called at every dial. NATS has no
   * such thing: heartbeats decide.
   */
  readonly will?: Will | (() => Will) | undefined
  /** Between attempts; default 500 ms doubling to 30 s, full jitter. */
  readonly backoff?: BackoffOptions | undefined
  /** Answers `$SRV` calls on NATS (agents only). */
  readonly service?: ServiceDescription | undefined
}

export interface OpenBusDeps {
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * A bus that connects by itself, for ever. The caller closes it.
 * @throws LanistaError URL_INVALID, CREDENTIAL_INVALID, NKEY_INVALID, TOKEN_INVALID
 */
export function openBus(options: OpenBusOptions, deps: OpenBusDeps): CountedBus {
  const addresses = typeof options.url === 'string' ? [options.url] : options.url
  const scheme = schemeOf(addresses)
  const dial = scheme === 'nats' ? lazyNatsDial(options) : lazyMqttDial(options, deps.clock)
  const logger = deps.logger.child({ component: 'bus' })
  const core = new BusCore({ role: options.role }, { clock: deps.clock, logger })
  supervise(core, dial, { addresses, backoff: options.backoff }, { clock: deps.clock, logger })
  return core
}

/** A driver is loaded by the first dial: who never uses NATS pays no memory for it. */
function lazyNatsDial({ credential, name, role, service }: OpenBusOptions): Dial {
  if (credential.kind === 'nkey') nkeyFromSeed(credential.seed)
  const load = async (): Promise<Dial> => {
    const { natsDial } = await import('./nats.ts')
    const { respondToService } = await import('./service-responder.ts')
    return natsDial({
      credential,
      name,
      onConnection: (connection) => {
        if (service && role.kind === 'agent') respondToService(connection, role.address, service)
      },
    })
  }
  let dial: Promise<Dial> | undefined
  return async (address, receiver) => {
    dial ??= load()
    return await (await dial)(address, receiver)
  }
}

function lazyMqttDial(options: OpenBusOptions, clock: Clock): Dial {
  const login = loginOf(options.role, options.credential, clock)
  const { will } = options
  const willOf = typeof will === 'object' ? () => will : will
  return async (address, receiver) => {
    const { mqttDial } = await import('./mqtt.ts')
    return await mqttDial({ clock, login, will: willOf })(address, receiver)
  }
}

/** Agents show a signed login time that never repeats; operators their password, under any client id. */
function loginOf(role: Role, credential: Credential, clock: Clock): () => MqttLogin {
  if (credential.kind === 'password') {
    const { user, password } = credential
    return () => ({ clientId: `${user}-${randomBytes(6).toString('hex')}`, user, password })
  }
  if (role.kind !== 'agent') {
    throw new LanistaError(
      'CREDENTIAL_INVALID',
      `log in otherwise: found an nkey for ${role.kind}, on MQTT expected an agent's`,
    )
  }
  const key = nkeyFromSeed(credential.seed)
  const hostId = hostIdOf(role.address)
  let lastMs = 0
  return () => {
    lastMs = Math.max(lastMs + 1, clock.now())
    const time = { session: credential.session(), ms: lastMs }
    return { clientId: hostId, user: hostId, password: makeMqttPassword(key, hostId, time) }
  }
}

function schemeOf(addresses: readonly string[]): 'nats' | 'mqtt' {
  const schemes = new Set(addresses.map((address) => /^(nats|mqtt):\/\/[^/?#@]+\/?$/.exec(address)?.[1]))
  const [scheme] = schemes
  if (
    schemes.size === 1 &&
    (scheme === 'nats' || scheme === 'mqtt') &&
    addresses.every((address) => URL.canParse(address))
  )
    return scheme
  throw new LanistaError(
    'URL_INVALID',
    `give another broker URL: found ${addresses.join(', ').slice(0, 200) || 'none'}, expected nats://host:port or mqtt://host:port`,
  )
}
