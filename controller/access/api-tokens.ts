/** Tokens for people and programs: made here, told once, kept as hashes; they expire, and can be revoked. */
import { createHash, randomBytes } from 'node:crypto'
import * as z from 'zod'
import type { RegistryStore } from '#controller/registry/registry-store.ts'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { parseId } from '#protocol/subjects/token.ts'
import { type Role, roles } from './permissions.ts'

/** What is known of a token; never the token. */
export interface ApiToken {
  readonly name: string
  readonly tenant: string
  readonly role: Role
  readonly createdMs: number
  /** From then on it is refused. */
  readonly expiresMs: number
  /** To the minute; undefined = never used. */
  readonly lastUsedMs?: number | undefined
}

export interface NewToken {
  readonly name: string
  readonly tenant: string
  readonly role: Role
  readonly lifetimeMs: number
}

export interface ApiTokensDeps {
  readonly registry: RegistryStore
  readonly clock: Pick<Clock, 'now'>
  readonly logger: Logger
}

interface TokenRow extends ApiToken {
  /** SHA-256 of the token, base64url: its 256 random bits need no slower hash. */
  readonly hash: string
}

/** Longest lifetime of a token, ms. */
const lifetimeMsMax: number = 366 * 86_400_000
/** Tokens of all tenants. */
const tokensMax = 1024
/** Uses nearer to each other than this are not written down, ms. */
const useStepMs = 60_000
/** So that a token is known for one wherever it turns up. */
const mark = 'lanista_'

const prefix = 'api-token!'
const rowSchema: z.ZodType<TokenRow> = z.object({
  name: z.string(),
  tenant: z.string(),
  role: z.enum(roles),
  createdMs: z.number(),
  expiresMs: z.number(),
  lastUsedMs: z.number().optional(),
  hash: z.string(),
})

export class ApiTokens {
  readonly #deps: ApiTokensDeps
  /** By hash: a look-up takes the same time whatever part of a token is right. */
  readonly #rows = new Map<string, TokenRow>()

  private constructor(deps: ApiTokensDeps) {
    this.#deps = deps
  }

  /** A row of another shape is as good as none. */
  static async open(deps: ApiTokensDeps): Promise<ApiTokens> {
    const tokens = new ApiTokens(deps)
    for await (const { value } of deps.registry.list(prefix)) {
      const { data: row } = rowSchema.safeParse(value)
      if (row) tokens.#rows.set(row.hash, row)
    }
    return tokens
  }

  /** Those of a tenant, expired ones too, by name. */
  list(tenant: string): ApiToken[] {
    const own = [...this.#rows.values()].filter((row) => row.tenant === tenant)
    return own.map(({ hash: _hash, ...token }) => token).sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /**
   * Makes one and tells it, this once. One of the same name is in its way.
   * @throws LanistaError TOKEN_INVALID (the name), LIFETIME_INVALID, API_TOKEN_EXISTS, API_TOKENS_LIMIT, REGISTRY_WRITE_FAILED
   */
  async create({
    name,
    tenant,
    role,
    lifetimeMs,
  }: NewToken): Promise<{ readonly token: string; readonly expiresMs: number }> {
    parseId(name, 'name of the token')
    this.#expectRoom(tenant, name, lifetimeMs)
    const token = mark + randomBytes(32).toString('base64url')
    const createdMs = this.#deps.clock.now()
    const row: TokenRow = { name, tenant, role, createdMs, expiresMs: createdMs + lifetimeMs, hash: hashOf(token) }
    this.#rows.set(row.hash, row) // before the disk has it: two of one name at once would both find room
    try {
      await this.#deps.registry.write([{ key: keyOf(row), value: row }], { sync: true })
    } catch (error) {
      this.#rows.delete(row.hash)
      throw error
    }
    return { token, expiresMs: row.expiresMs }
  }

  /** Refused from now on, also when the disk does not take it. Throws API_TOKEN_UNKNOWN, REGISTRY_WRITE_FAILED. */
  async revoke(tenant: string, name: string): Promise<void> {
    const row = [...this.#rows.values()].find((each) => each.tenant === tenant && each.name === name)
    if (!row) {
      throw new LanistaError('API_TOKEN_UNKNOWN', `name one of GET /api/v1/tokens: found no ${JSON.stringify(name)}`)
    }
    this.#rows.delete(row.hash)
    await this.#deps.registry.write([{ key: keyOf(row), remove: true }], { sync: true })
  }

  /** Whose token this is; undefined when it is nobody's, revoked or expired. */
  recognise(token: string): ApiToken | undefined {
    const row = this.#rows.get(hashOf(token))
    const now = this.#deps.clock.now()
    if (!row || now >= row.expiresMs) return undefined
    if (now - (row.lastUsedMs ?? Number.NEGATIVE_INFINITY) >= useStepMs) this.#noteUse({ ...row, lastUsedMs: now })
    return row
  }

  #noteUse(row: TokenRow): void {
    const { registry, logger } = this.#deps
    this.#rows.set(row.hash, row)
    // in the order of the calls: a token revoked later is not written back
    registry.write([{ key: keyOf(row), value: row }]).catch((error: unknown) => {
      logger.warn({ token: row.name, error: messageOf(error) }, 'token_use_unwritten')
    })
  }

  #expectRoom(tenant: string, name: string, lifetimeMs: number): void {
    if (!(lifetimeMs > 0 && lifetimeMs <= lifetimeMsMax)) {
      throw new LanistaError(
        'LIFETIME_INVALID',
        `choose another lifetime: found ${lifetimeMs} ms, expected up to 366 days`,
      )
    }
    const all = [...this.#rows.values()]
    if (all.some((row) => row.tenant === tenant && row.name === name)) {
      throw new LanistaError(
        'API_TOKEN_EXISTS',
        `choose another name, or revoke the token ${name} first: found it there`,
      )
    }
    if (all.length >= tokensMax) {
      throw new LanistaError(
        'API_TOKENS_LIMIT',
        `revoke a token first: found ${all.length}, expected less than ${tokensMax}`,
      )
    }
  }
}

function keyOf({ tenant, name }: Pick<ApiToken, 'tenant' | 'name'>): string {
  return `${prefix}${tenant}!${name}`
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}
