/** `/api/v1/tokens`: who else may ask, and how much. */
import * as z from 'zod'
import type { ApiTokens } from '#controller/access/api-tokens.ts'
import { roles } from '#controller/access/permissions.ts'
import { parseDuration } from '#protocol/runtime/time.ts'
import type { Route } from './route.ts'

export interface TokenRoutesDeps {
  readonly tokens: ApiTokens
  /** Whose tokens the operator may see and make. */
  readonly tenant: string
}

const path = '/api/v1/tokens'
const name = z.string().max(64)
const lifetimeDefault = '30d'

export function tokenRoutes({ tokens, tenant }: TokenRoutesDeps): Route[] {
  return [
    {
      path,
      summary: 'All tokens but the operator’s, expired ones too. What they are is told by no route.',
      parameters: z.object({}),
      answer: z.array(
        z.strictObject({
          name: z.string(),
          role: z.enum(roles),
          created_ms: z.number(),
          expires_ms: z.number(),
          last_used_ms: z.number().nullable().describe('to the minute'),
        }),
      ),
      handle: () => ({
        body: tokens.list(tenant).map(({ name, role, createdMs, expiresMs, lastUsedMs }) => ({
          name,
          role,
          created_ms: createdMs,
          expires_ms: expiresMs,
          last_used_ms: lastUsedMs ?? null,
        })),
      }),
    },
    {
      path,
      method: 'POST',
      summary: 'Makes a token and tells it, this once.',
      parameters: z.object({
        name,
        role: z.enum(roles),
        lifetime: z.string().max(32).optional().describe(`like 12h; default ${lifetimeDefault}, at most 366d`),
      }),
      answer: z.strictObject({ name: z.string(), token: z.string(), expires_ms: z.number() }),
      handle: async ({ name = '', role: given, lifetime = lifetimeDefault }) => {
        const role = roles.find((each) => each === given) ?? 'viewer'
        const { token, expiresMs } = await tokens.create({ name, tenant, role, lifetimeMs: parseDuration(lifetime) })
        return { status: 201, body: { name, token, expires_ms: expiresMs } }
      },
    },
    {
      path: `${path}/:name`,
      method: 'DELETE',
      summary: 'Revokes a token: it is refused from now on.',
      parameters: z.object({ name }),
      answer: z.strictObject({ name: z.string() }),
      handle: async ({ name = '' }) => {
        await tokens.revoke(tenant, name)
        return { body: { name } }
      },
    },
  ]
}
