/** The flat form of a subscription, as people write it and answers show it; `parse.ts` makes a `Subscription` of it. */
import * as z from 'zod'
import type { Comparison, Scope } from '#protocol/monitors/model.ts'
import { isId } from '#protocol/subjects/token.ts'

/** One subscription of the file, of a request, of the registry. */
export type SubscriptionForm = {
  /** One selector or several; or `monitor` in its place. */
  readonly match?: string | readonly string[] | undefined
  /** A monitor of the same application: `match: monitor.<application>.<monitor>`. */
  readonly monitor?: string | undefined
  readonly scope?: Scope | undefined
  readonly cloud?: string | undefined
  readonly host?: string | undefined
  readonly onChange?: boolean | undefined
  /** `bus`, or one of `SinkForms`. */
  readonly to?: unknown
  readonly externalReferences?: Readonly<Record<string, string>> | undefined
} & {
  /** At most one of them: `above: 60`. */
  readonly [K in Comparison]?: number | undefined
}

/** The forms of `to`, by the key that tells them apart. */
export interface SinkForms {
  readonly bus: { readonly bus: string }
  readonly webhook: { readonly webhook: string; readonly secret?: string | undefined }
  readonly carbon: { readonly carbon: string; readonly tags?: boolean | undefined }
  readonly influx: {
    readonly influx: string
    readonly database?: string | undefined
    readonly org?: string | undefined
    readonly bucket?: string | undefined
    readonly user?: string | undefined
    readonly token?: string | undefined
  }
  readonly remoteWrite: {
    readonly remoteWrite: string
    readonly user?: string | undefined
    readonly token?: string | undefined
  }
}

/** Selectors one subscription may have. */
const matchCountMax = 16
/** Characters of a selector, glob, URL or name. */
const textMax = 1024
const referencesMax = 64

/** What a secret looks like, in words for error messages. */
export const secretForm = '1 to 4096 printable ASCII characters'

const text = z.string().min(1).max(textMax)
const secret = z.string().refine(isSecret, `expected ${secretForm}`).optional()
const token = z.string().refine(isId, 'expected 1 to 64 of A-Z a-z 0-9 _ - without a leading _')
const url = z.string().max(textMax).refine(isPlainUrl, 'expected http://… or https://… without user, password, ? or #')
const place = z.string().max(300).refine(isHostPort, 'expected HOST:PORT')

/** It goes into a header as it is. */
export function isSecret(text: string): boolean {
  return /^[\x20-\x7e]{1,4096}$/.test(text)
}

/** A query would hide what a sink adds, a password would be told to everybody who may list. */
function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, hash, search } = new URL(text)
  return /^https?:$/.test(protocol) && [username, password, hash, search].every((part) => part === '')
}

function isHostPort(text: string): boolean {
  const [, port] = /^(?:\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):(\d{1,5})$/.exec(text) ?? []
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535
}

export const sinkSchemas: { readonly [K in keyof SinkForms]: z.ZodType<SinkForms[K]> } = {
  bus: z.strictObject({ bus: token }),
  webhook: z.strictObject({ webhook: url, secret }),
  carbon: z.strictObject({ carbon: place, tags: z.boolean().optional() }),
  influx: z.strictObject({
    influx: url,
    database: text.optional(),
    org: text.optional(),
    bucket: text.optional(),
    user: text.optional(),
    token: secret,
  }),
  remoteWrite: z.strictObject({ remoteWrite: url, user: text.optional(), token: secret }),
}

const limit = z.number().optional()

/** All of it, but that `to` may be anything here. */
export const subscriptionSchema: z.ZodType<SubscriptionForm> = z.strictObject({
  match: z.union([text, z.array(text).min(1).max(matchCountMax)]).optional(),
  monitor: token.optional(),
  scope: z.enum(['host', 'cloud', 'cross-cloud']).optional(),
  cloud: text.optional(),
  host: text.optional(),
  above: limit,
  below: limit,
  atOrAbove: limit,
  atOrBelow: limit,
  equal: limit,
  notEqual: limit,
  onChange: z.boolean().optional(),
  to: z.unknown().optional(),
  externalReferences: z
    .record(text, text)
    .refine(
      (references) => Object.keys(references).length <= referencesMax,
      `expected at most ${referencesMax} of them`,
    )
    .optional(),
})
