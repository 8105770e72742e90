/**
 * Who may come in to the embedded broker and what each may do there: decisions only, no sockets. The hooks of aedes are made
 * of these (shared/reference/bus-proof.md §4).
 */
import { permissionsOf, type Role } from '#protocol/permissions.ts'
import { patternOfFilter, subjectOfTopic } from '#protocol/subjects/mqtt.ts'
import { hostIdOf, parseSubject, replySubject } from '#protocol/subjects/subject.ts'
import { isToken } from '#protocol/subjects/token.ts'
import { AllowList } from './allow-list.ts'
import { type BrokerUser, brokerUserId, checkBrokerUser, hashPassword, matchesPassword, roleOf } from './credentials.ts'
import { checkMqttPassword, isNewerLogin, type LoginTime } from './mqtt-password.ts'
import { nkeyVerifier } from './nkey.ts'

/** Somebody who has logged in. */
export interface Principal {
  /** Of the user, not of the client: an operator may have several clients. */
  readonly userId: string
  readonly role: Role
  readonly publish: AllowList
  readonly subscribe: AllowList
}

/** What a CONNECT packet says, as far as it matters before the password is looked at. */
export interface ConnectRequest {
  readonly clientId: string
  readonly clean?: boolean | undefined
  readonly will?: ConnectWill | undefined
}

export interface ConnectWill {
  readonly topic: string
  readonly payload?: Buffer | string | undefined
  readonly qos?: number | undefined
  readonly retain?: boolean | undefined
}

const willBytesMax = 1024
const clientIdLengthMax = 256

/** Why this CONNECT is refused, or undefined: clean sessions only, and a will only on the own death subject. */
export function refuseConnect(request: ConnectRequest): string | undefined {
  const { clientId, clean, will } = request
  if (clientId.length > clientIdLengthMax) return `a client id of ${clientId.length} characters`
  if (clean !== true) return 'a session to be kept: this broker keeps none'
  if (!will) return undefined
  if (!isHostId(clientId)) return 'a will of an operator'
  if (will.topic !== `lanista/${clientId.replaceAll('.', '/')}/death`) return `a will on ${will.topic.slice(0, 200)}`
  if (will.qos || will.retain) return 'a will with QoS above 0, or retained'
  if (Buffer.byteLength(will.payload ?? '') > willBytesMax) return `a will over ${willBytesMax} bytes`
  return undefined
}

type Keeper =
  | {
      readonly kind: 'key'
      readonly publicKey: string
      readonly verify: (data: Uint8Array, signature: string) => boolean
    }
  | { readonly kind: 'hash'; readonly hash: Buffer }

/** The users of one embedded broker, and the newest login of each agent for as long as the broker lives. */
export class EmbeddedGate {
  readonly #users = new Map<string, { readonly principal: Principal; readonly keeper: Keeper }>()
  readonly #newest = new Map<string, LoginTime>()

  /** Returns true when somebody with this id was known by another secret. Throws USER_INVALID, NKEY_INVALID, TOKEN_INVALID. */
  add(user: Exclude<BrokerUser, { kind: 'controller' }>): boolean {
    checkBrokerUser(user)
    const id = brokerUserId(user)
    const before = this.#users.get(id)?.keeper
    const keeper: Keeper =
      user.kind === 'agent'
        ? { kind: 'key', publicKey: user.publicKey, verify: nkeyVerifier(user.publicKey) }
        : { kind: 'hash', hash: hashPassword(user.password) }
    this.#users.set(id, { principal: principalOf(id, roleOf(user)), keeper })
    return before !== undefined && !sameSecret(before, keeper)
  }

  remove(id: string): void {
    this.#users.delete(id)
  }

  /**
   * The principal behind a login, or undefined. An agent's client id is its user name and its login newer than all before; an
   * operator's client id is anything but a host's and not `inUseBy` another user.
   */
  login(clientId: string, userId: string, password: Uint8Array, inUseBy: string | undefined): Principal | undefined {
    const user = this.#users.get(userId)
    if (!user) return undefined
    const { keeper, principal } = user
    if (keeper.kind === 'hash') {
      if (isHostId(clientId) || (inUseBy !== undefined && inUseBy !== userId)) return undefined
      return matchesPassword(keeper.hash, password) ? principal : undefined
    }
    if (clientId !== userId) return undefined
    const time = checkMqttPassword(keeper.verify, userId, Buffer.from(password).toString('latin1'))
    if (!time || !isNewerLogin(time, this.#newest.get(userId))) return undefined
    this.#newest.set(userId, time)
    return principal
  }
}

/** The subject of a publish when it is allowed, else why not. Publishing has QoS 0, and only births are retained. */
export function judgePublish(
  principal: Principal | undefined,
  packet: { readonly topic: string; readonly qos?: number; readonly retain?: boolean },
): { readonly subject: string } | { readonly refused: string } {
  const subject = orUndefined(() => subjectOfTopic(packet.topic))
  const what = `publish on ${JSON.stringify(packet.topic.slice(0, 200))}`
  if (!principal || subject === undefined || !principal.publish.allows(subject)) return { refused: what }
  if (packet.qos) return { refused: `${what} with QoS ${packet.qos}` }
  if (packet.retain && !subject.endsWith('.birth')) return { refused: `${what} retained` }
  return { subject }
}

/** May this principal subscribe to the topic filter? Strict: `$share`, `$SYS`, NATS wildcards as text and the like are not ours. */
export function allowsFilter(principal: Principal | undefined, filter: string): boolean {
  const pattern = orUndefined(() => patternOfFilter(filter))
  return principal !== undefined && pattern !== undefined && principal.subscribe.allows(pattern)
}

/** The second net at delivery: `x/#` matches `x` on MQTT, our `x.>` does not. */
export function allowsForward(principal: Principal | undefined, topic: string): boolean {
  const subject = orUndefined(() => subjectOfTopic(topic))
  return principal !== undefined && subject !== undefined && principal.subscribe.allows(subject)
}

/** The host a request is for and where its answer goes; undefined for anything that is no request. */
export function requestOf(subject: string): { readonly hostId: string; readonly reply: string } | undefined {
  if (!/\.(?:ring|order|control)\./.test(subject)) return undefined
  return orUndefined(() => ({ reply: replySubject(subject), hostId: hostIdOf(parseSubject(subject).address) }))
}

/** Whose birth a death ends: the topic to forget. The controller's word counts for any host of its tenant. */
export function birthTopicEndedBy(subject: string): string | undefined {
  if (!subject.includes('.death')) return undefined
  const tokens = subject.split('.')
  const [, tenant, cloud, host, kind, deadCloud, deadHost] = tokens
  if (kind !== 'death') return undefined
  if (tokens.length === 5) return `lanista/${tenant}/${cloud}/${host}/birth`
  return tokens.length === 7 ? `lanista/${tenant}/${deadCloud}/${deadHost}/birth` : undefined
}

function isHostId(clientId: string): boolean {
  const tokens = clientId.split('.')
  return tokens.length === 3 && tokens.every(isToken)
}

function principalOf(userId: string, role: Role): Principal {
  const permissions = permissionsOf(role)
  return {
    userId,
    role,
    publish: new AllowList(permissions.publish),
    subscribe: new AllowList(permissions.subscribe),
  }
}

function sameSecret(one: Keeper, other: Keeper): boolean {
  if (one.kind === 'key') return other.kind === 'key' && one.publicKey === other.publicKey
  return other.kind === 'hash' && one.hash.equals(other.hash)
}

function orUndefined<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch {
    return undefined
  }
}
