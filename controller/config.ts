/** What the controller can be told: every setting, its unit, its default, and what it trades. */
import * as z from 'zod'
import { LanistaError } from '#protocol/errors.ts'
import { idForm, isId } from '#protocol/subjects/token.ts'
import type { KeyPlace } from './secrets/key-file.ts'

export interface ControllerOptions {
  /** Folder for the registry (hosts, acknowledged ranges, the session number); one controller at a time. */
  readonly dataDir: string
  /** Address the REST API listens on. Anything but loopback lets the network ask, with the token in clear text. */
  readonly httpHost: string
  /** Its port; 0 = any free one. */
  readonly httpPort: number
  /** Tenant of the operator: what the API shows. */
  readonly tenant: string
  /** What `/api/v1/connection` tells: the broker's URL, and the operator's user name there and for Basic authentication. */
  readonly connection: { readonly brokerUrl: string; readonly user: string }
  /** The one secret of the operator: bearer token, and password on the broker. At least 16 characters. */
  readonly operatorToken: string
  /** What seals the secrets, outside `dataDir`. Default none: there are no secrets then. */
  readonly masterKey?: KeyPlace | undefined
  /** How often agents beat, ms, at least 100. A host is suspect after two silent intervals, offline after four. Default 5,000. */
  readonly heartbeatIntervalMs?: number | undefined
  /** How long a sample stays in the window after it arrived, ms, at least 1,000. Default 900,000. */
  readonly windowMs?: number | undefined
  /** Samples in the window at most, about 20 bytes each; beyond it the biggest series of the biggest hosts lose their oldest. Default 4,000,000. */
  readonly windowSamplesMax?: number | undefined
  /** Hosts known at most; messages of others are refused and counted. Default 10,000. */
  readonly hostsMax?: number | undefined
  /** How long a host that is gone stays listed, ms, at least 60,000; then all is forgotten of it. Default 7 days. */
  readonly hostRetentionMs?: number | undefined
  /** Series in one answer at most (413 beyond). Default 10,000. */
  readonly answerSeriesMax?: number | undefined
  /** Samples in one answer at most (413 beyond). Default 1,000,000. */
  readonly answerSamplesMax?: number | undefined
  /** How long agents may take to answer a query, ms, at least 100; those that have not are named. Default 10,000. */
  readonly queryDeadlineMs?: number | undefined
}

/** The same with nothing left open. */
export type ControllerSettings = {
  readonly [K in Exclude<keyof ControllerOptions, 'masterKey'>]-?: Exclude<ControllerOptions[K], undefined>
} & { readonly masterKey: KeyPlace | undefined }

const optionsSchema: z.ZodType<ControllerOptions> = z.strictObject({
  dataDir: z.string().min(1),
  httpHost: z.string().min(1),
  httpPort: z.int().min(0).max(65_535),
  tenant: z.string().refine(isId, `expected ${idForm}`),
  connection: z.strictObject({ brokerUrl: z.string().min(1), user: z.string().min(1) }),
  operatorToken: z.string().min(16),
  masterKey: z.strictObject({ path: z.string().min(1), kind: z.enum(['file', 'credential']) }).optional(),
  heartbeatIntervalMs: z.int().min(100).max(3_600_000).optional(),
  windowMs: z.int().min(1000).max(86_400_000).optional(),
  windowSamplesMax: z.int().min(1000).max(100_000_000).optional(),
  hostsMax: z.int().min(1).max(100_000).optional(),
  hostRetentionMs: z.int().min(60_000).optional(),
  answerSeriesMax: z.int().min(1).optional(),
  answerSamplesMax: z.int().min(1).optional(),
  queryDeadlineMs: z.int().min(100).max(600_000).optional(),
})

/** Checks the options and fills in defaults; throws CONFIG_INVALID naming each mistake, never a secret. */
export function settingsOf(options: ControllerOptions): ControllerSettings {
  const result = optionsSchema.safeParse(options)
  if (!result.success) {
    const issues = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
    throw new LanistaError('CONFIG_INVALID', `correct the controller's options: ${issues.join('; ')}`, {
      data: { issues },
    })
  }
  const given = result.data
  return {
    ...given,
    masterKey: given.masterKey,
    heartbeatIntervalMs: given.heartbeatIntervalMs ?? 5000,
    windowMs: given.windowMs ?? 900_000,
    windowSamplesMax: given.windowSamplesMax ?? 4_000_000,
    hostsMax: given.hostsMax ?? 10_000,
    hostRetentionMs: given.hostRetentionMs ?? 7 * 86_400_000,
    answerSeriesMax: given.answerSeriesMax ?? 10_000,
    answerSamplesMax: given.answerSamplesMax ?? 1_000_000,
    queryDeadlineMs: given.queryDeadlineMs ?? 10_000,
  }
}
