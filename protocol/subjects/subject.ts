/**
 * The subject grammar of DESIGN §4. Every subject is `lanista.T.C.H.<kind>…`; the controller is host `_controller` of cloud
 * `_home`, a cloud's aggregate is host `_cloud`. An answer always goes out under the answerer's own prefix and names the
 * asker, so its subject follows from the request's: `replySubject` is the only place that knows how.
 */
import { LanistaError } from '#protocol/errors.ts'
import { decodeMetricName, encodeMetricName, isToken, parseId } from './token.ts'

/** Where a subject belongs: tenant, cloud, host. */
export interface Address {
  readonly tenant: string
  readonly cloud: string
  readonly host: string
}

/** The kinds that stand behind `lanista.T.C.H.`. */
export const kinds = [
  'birth',
  'heartbeat',
  'death',
  'samples',
  'metric',
  'merged',
  'partial',
  'event',
  'log',
  'order',
  'control',
  'ring',
  'reply',
  'state',
] as const
export type Kind = (typeof kinds)[number]

/** A parsed subject: address, kind, and the tokens behind the kind. */
export interface Subject {
  readonly address: Address
  readonly kind: Kind
  readonly rest: readonly string[]
}

/** A subject over this many bytes is never published (a NATS server drops the connection at a control line of 4,096). */
export const subjectBytesMax = 1024
/** A subject of more tokens is never published: aedes matches at most this many levels and cuts the client that sends more. */
export const subjectTokensMax = 100

export const controllerHost = '_controller'
export const homeCloud = '_home'
export const cloudHost = '_cloud'

const kindSet: ReadonlySet<string> = new Set(kinds)

/** `lanista.T.C.H`, the prefix of all that belongs to an address. */
export function prefixOf(address: Address): string {
  return `lanista.${address.tenant}.${address.cloud}.${address.host}`
}

/** `T.C.H`: host id in lists, user name and client id on MQTT, connection name on NATS. */
export function hostIdOf(address: Address): string {
  return `${address.tenant}.${address.cloud}.${address.host}`
}

/**
 * Can an agent bear this address? A leading `_` is ours alone, and the permission table lets agents publish below
 * `_home._srv` and `_cloud`: whoever takes births or samples asks this first, or a host of that name could be invented.
 */
export function isAgentAddress(address: Address): boolean {
  return ![address.tenant, address.cloud, address.host].some((token) => token.startsWith('_'))
}

/** The address behind `T.C.H`; throws SUBJECT_INVALID. */
export function parseHostId(text: string): Address {
  const [tenant, cloud, host, ...more] = text.split('.')
  if (!tenant || !cloud || !host || more.length > 0 || ![tenant, cloud, host].every(isToken)) {
    throw invalid(text, 'tenant.cloud.host')
  }
  return { tenant, cloud, host }
}

/** The address of an agent behind `T.C.H`, as a person gave it; throws SUBJECT_INVALID, or TOKEN_INVALID for a part that is ours alone. */
export function parseAgentId(text: string): Address {
  const address = parseHostId(text)
  for (const [what, part] of Object.entries(address)) parseId(part, what)
  return address
}

/** Builds `lanista.T.C.H.<kind>[.rest…]`; throws SUBJECT_INVALID for a token outside the alphabet, a subject over 1,024 bytes or 100 tokens. */
export function buildSubject(address: Address, kind: Kind, ...rest: readonly string[]): string {
  const subject = [prefixOf(address), kind, ...rest].join('.')
  expectSize(subject, 5 + rest.length)
  if (![address.tenant, address.cloud, address.host].every(isToken) || !restFits(kind, rest)) {
    throw invalid(subject, 'tokens of 1 to 64 of A-Z a-z 0-9 _ -')
  }
  return subject
}

/** `lanista.T.C.H.metric.<name>` with the name encoded; throws METRIC_NAME_INVALID or SUBJECT_INVALID. */
export function metricSubject(address: Address, name: string): string {
  return buildSubject(address, 'metric', ...encodeMetricName(name).split('.'))
}

/** The metric name of a parsed metric subject. */
export function metricNameOf(subject: Subject): string {
  return decodeMetricName(subject.rest.join('.'))
}

/** Parses `lanista.T.C.H.<kind>…`; throws SUBJECT_INVALID for anything else, wildcards included. */
export function parseSubject(text: string): Subject {
  const [root, tenant, cloud, host, kind, ...rest] = text.split('.')
  expectSize(text, 5 + rest.length)
  const tokensFit =
    [tenant, cloud, host].every((token) => token !== undefined && isToken(token)) && restFits(kind, rest)
  if (root !== 'lanista' || !tenant || !cloud || !host || !kind || !tokensFit || !kindSet.has(kind)) {
    throw invalid(text, 'lanista.<tenant>.<cloud>.<host>.<kind>')
  }
  return { address: { tenant, cloud, host }, kind: kind as Kind, rest }
}

/**
 * Where the answer to a request goes: `lanista.T.C.H.reply.<asker>.<id>`, the asker being the token behind `ring`, or the
 * controller for `order` and `control`; the id is the last token. Throws SUBJECT_INVALID for a subject that asks nothing.
 */
export function replySubject(request: string): string {
  const { address, kind, rest } = parseSubject(request)
  const id = rest.at(-1)
  const depth = kind === 'ring' ? 3 : 2
  if (id === undefined || rest.length !== depth || !['ring', 'order', 'control'].includes(kind)) {
    throw invalid(request, '….order.<verb>.<id>, ….control.<verb>.<id> or ….ring.<asker>.<verb>.<id>')
  }
  return buildSubject(address, 'reply', kind === 'ring' ? (rest[0] as string) : controllerHost, id)
}

function expectSize(subject: string, tokens: number): void {
  if (subject.length > subjectBytesMax) throw invalid(subject, `at most ${subjectBytesMax} bytes`)
  if (tokens > subjectTokensMax) throw invalid(subject, `at most ${subjectTokensMax} tokens`)
}

/** Tokens of metric names may be longer than others: they are encoded. */
function restFits(kind: string | undefined, rest: readonly string[]): boolean {
  return rest.every((token) => (kind === 'metric' ? /^[A-Za-z0-9_-]+$/.test(token) : isToken(token)))
}

function invalid(found: string, expected: string): LanistaError {
  return new LanistaError(
    'SUBJECT_INVALID',
    `use another subject: found ${JSON.stringify(found.slice(0, 200))}, expected ${expected}`,
  )
}
