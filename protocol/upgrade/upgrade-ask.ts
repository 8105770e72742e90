import * as z from 'zod/mini'
import { LanistaError } from '#protocol/errors.ts'
import { dotted, expectedOf } from '#protocol/schema-words.ts'

/** The verb of an order that replaces the agent. */
export const upgradeVerb = 'agent-upgrade'

/** Its body. */
export interface UpgradeAsk {
  /** Of the archive. */
  readonly sha256: string
  /** The version in it. */
  readonly version: string
  /** Of the archive: is there room for it? */
  readonly bytes: number
  /** Time from a start to its confirmation, s. Default 60. */
  readonly gateSeconds: number
  /** Also to a version that may not read what this one has written. */
  readonly isForced: boolean
}

export const gateSecondsDefault = 60
export const gateSecondsMax = 3600

const schema: z.ZodMiniType<UpgradeAsk> = z.strictObject({
  sha256: z.string().check(z.regex(/^[0-9a-f]{64}$/, 'expected the SHA-256 of a bundle, 64 hexadecimal digits')),
  version: z.string().check(z.regex(/^[A-Za-z0-9.+-]{1,64}$/, 'expected a version')),
  bytes: z.int().check(z.minimum(1), z.maximum(2 ** 30)),
  gateSeconds: z._default(z.int().check(z.minimum(1), z.maximum(gateSecondsMax)), gateSecondsDefault),
  isForced: z._default(z.boolean(), false),
})

/** Throws ORDER_INVALID. */
export function parseUpgradeAsk(body: unknown): UpgradeAsk {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const found = issue ? `${dotted(issue.path)}: expected ${expectedOf(issue)}` : 'another shape'
  throw new LanistaError('ORDER_INVALID', `correct the order to upgrade: found ${found}`)
}
