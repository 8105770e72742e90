/**
 * What somebody outside wants to be told: which series, which of their samples, and where to. One flat form in the application
 * file, in requests and in answers (`parse.ts`); this is what becomes of it.
 */
import type { Comparison, Scope } from '#protocol/monitors/model.ts'

export interface Subscription {
  /** A token; unique among the subscriptions of its application, or among those of none. */
  readonly name: string
  /** The application whose file says it; absent for those made one by one. */
  readonly application?: string | undefined
  /** Selectors (`#protocol/metrics/selector.ts`) over metrics, results of monitors and decisions of rules; any of them suffices. */
  readonly match: readonly string[]
  /** `host`: what hosts measure and host monitors; `cloud`, `cross-cloud`: results of that scope. Absent = all. */
  readonly scope?: Scope | undefined
  /** Glob over cloud tokens; results that belong to no cloud have none. */
  readonly cloud?: string | undefined
  /** Glob over host tokens, or over `tenant.cloud.host` when it has dots; results of wider scopes have none. */
  readonly host?: string | undefined
  readonly filter: SubscriptionFilter
  readonly sink: SinkSpec
  /** Bearer token, signing key or password of the sink; kept apart from the rest and never told. */
  readonly secret?: string | undefined
  /** Ids of outside models, carried along and never read. */
  readonly externalReferences?: Readonly<Record<string, string>> | undefined
}

/** Which samples of a matching series; all given parts must hold, none given = every sample. */
export interface SubscriptionFilter {
  readonly compare?: { readonly with: Comparison; readonly limit: number } | undefined
  /** Only values other than the one before, of the same series; unknown is a value. */
  readonly onChange: boolean
}

export type SinkSpec = BusSpec | WebhookSpec | CarbonSpec | InfluxSpec | RemoteWriteSpec
export type SinkKind = SinkSpec['kind']

/** `lanista.T._home._controller.metric.subscription.<subject>.<metric>`. */
export interface BusSpec {
  readonly kind: 'bus'
  /** A token. */
  readonly subject: string
}

/** JSON by POST; signed where there is a secret. */
export interface WebhookSpec {
  readonly kind: 'webhook'
  readonly url: string
}

/** Lines over TCP. */
export interface CarbonSpec {
  readonly kind: 'carbon'
  readonly host: string
  readonly port: number
  /** `name;tag=value` (Graphite 1.1, VictoriaMetrics), or everything as parts of the name. */
  readonly tags: boolean
}

/** Line protocol over HTTP: version 1 with a database, version 2 with organisation and bucket (the secret is its token). */
export interface InfluxSpec {
  readonly kind: 'influx'
  readonly url: string
  readonly place: { readonly database: string } | { readonly org: string; readonly bucket: string }
  /** With the secret as password; version 1 only. */
  readonly user?: string | undefined
}

/** Prometheus remote write 1.0. */
export interface RemoteWriteSpec {
  readonly kind: 'remoteWrite'
  readonly url: string
  /** With the secret as password; without it the secret is a bearer token. */
  readonly user?: string | undefined
}

/** `<application>.<name>`, or the name alone: unique within a tenant. */
export function subscriptionId({ application, name }: Pick<Subscription, 'application' | 'name'>): string {
  return application === undefined ? name : `${application}.${name}`
}

/** Where a secret may go: with another target it is not taken over. */
export function targetOf(sink: SinkSpec): string {
  switch (sink.kind) {
    case 'bus':
      return 'bus'
    case 'carbon':
      return `carbon ${sink.host}:${sink.port}`
    case 'webhook':
    case 'influx':
    case 'remoteWrite':
      return `${sink.kind} ${new URL(sink.url).origin}`
  }
}
