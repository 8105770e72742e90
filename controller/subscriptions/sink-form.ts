/** `to:` of a subscription, in the form people write and back. */
import type * as z from 'zod'
import { type ConfigIssue, issuesOf } from '#protocol/runtime/config-issues.ts'
import { formatHostPort } from '#protocol/runtime/host-port.ts'
import { showValue } from '#protocol/schema-words.ts'
import { type SinkForms, sinkSchemas } from './schema.ts'
import type { SinkKind, SinkSpec } from './subscription.ts'

export interface ParsedSink {
  /** Absent when there are issues. */
  readonly sink?: SinkSpec | undefined
  readonly secret?: string | undefined
  readonly issues: readonly ConfigIssue[]
}

const kinds = Object.keys(sinkSchemas) as SinkKind[]

/**
 * The sink that `to` names; secrets never appear in an issue.
 * @param name of the subscription: the subject of a bus sink that says none
 */
export function parseSink(to: unknown, path: readonly string[], name: string): ParsedSink {
  if (to === 'bus') return { sink: { kind: 'bus', subject: name }, issues: [] }
  const [kind, ...more] = typeof to === 'object' && to !== null ? kinds.filter((key) => Object.hasOwn(to, key)) : []
  if (kind === undefined || more.length > 0) {
    return {
      issues: [{ path: path.join('.'), expected: `bus, or one of ${kinds.join(', ')}`, found: keysOf(to), origin: '' }],
    }
  }
  switch (kind) {
    case 'bus':
      return read(sinkSchemas.bus, to, path, ({ bus }) => ({ sink: { kind, subject: bus } }))
    case 'webhook':
      return read(sinkSchemas.webhook, to, path, ({ webhook, secret }) => ({ sink: { kind, url: webhook }, secret }))
    case 'carbon':
      return read(sinkSchemas.carbon, to, path, ({ carbon, tags = false }) => ({
        sink: { kind, ...splitPlace(carbon), tags },
      }))
    case 'influx':
      return read(sinkSchemas.influx, to, path, (form) => influxOf(form, path))
    case 'remoteWrite':
      return read(sinkSchemas.remoteWrite, to, path, ({ remoteWrite, user, token }) => ({
        sink: { kind, url: remoteWrite, ...(user === undefined ? {} : { user }) },
        secret: token,
      }))
  }
}

/** The form of a sink, without its secret. */
export function sinkFormOf(sink: SinkSpec): object {
  switch (sink.kind) {
    case 'bus':
      return { bus: sink.subject }
    case 'webhook':
      return { webhook: sink.url }
    case 'carbon':
      return { carbon: formatHostPort(sink.host, sink.port), tags: sink.tags }
    case 'influx':
      return { influx: sink.url, ...sink.place, ...(sink.user === undefined ? {} : { user: sink.user }) }
    case 'remoteWrite':
      return { remoteWrite: sink.url, ...(sink.user === undefined ? {} : { user: sink.user }) }
  }
}

function influxOf(
  { influx: url, database, org, bucket, user, token }: SinkForms['influx'],
  path: readonly string[],
): ParsedSink {
  const issue = (expected: string, found: string): ParsedSink => ({
    issues: [{ path: path.join('.'), expected, found, origin: '' }],
  })
  const names = user === undefined ? {} : { user }
  if (database !== undefined && org === undefined && bucket === undefined) {
    return { sink: { kind: 'influx', url, place: { database }, ...names }, secret: token, issues: [] }
  }
  if (database !== undefined || org === undefined || bucket === undefined) {
    const given = Object.entries({ database, org, bucket }).filter(([, value]) => value !== undefined)
    return issue(
      'database (version 1), or org and bucket (version 2)',
      given.map(([key]) => key).join(', ') || 'none of them',
    )
  }
  if (user !== undefined) return issue('no user beside org and bucket: version 2 knows tokens alone', 'user')
  return { sink: { kind: 'influx', url, place: { org, bucket } }, secret: token, issues: [] }
}

/** Checks the form and makes the sink of it; what stood there is shown but for secrets. */
function read<T>(
  schema: z.ZodType<T>,
  to: unknown,
  path: readonly string[],
  make: (form: T) => Partial<ParsedSink>,
): ParsedSink {
  const result = schema.safeParse(to)
  if (result.success) return { issues: [], ...make(result.data) }
  const issues = issuesOf(
    schema,
    result.error.issues,
    (at) => shown(to, at),
    () => '',
  )
  return {
    issues: issues.map((issue) => ({
      ...issue,
      path: [...path, ...(issue.path === '' ? [] : [issue.path])].join('.'),
    })),
  }
}

function shown(to: unknown, [key]: readonly PropertyKey[]): unknown {
  if (key === undefined) return keysOf(to)
  const value = (to as Readonly<Record<PropertyKey, unknown>>)[key]
  if (key === 'secret' || key === 'token') return typeof value
  return typeof value === 'string' ? masked(value) : value
}

/** Whoever writes a password into a URL, before its host or in its query, must not read it in a log. */
function masked(text: string): string {
  return text.replace(/\/\/[^/]*@/, '//…@').replace(/([?#]).*$/s, '$1…')
}

function keysOf(to: unknown): string {
  if (typeof to !== 'object' || to === null) return masked(showValue(to))
  return Object.keys(to).join(', ').slice(0, 80) || 'nothing'
}

function splitPlace(text: string): { host: string; port: number } {
  const cut = text.lastIndexOf(':')
  return { host: text.slice(0, cut).replace(/^\[|\]$/g, ''), port: Number(text.slice(cut + 1)) }
}
