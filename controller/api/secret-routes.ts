/** `/api/v1/secrets`: set and removed here, told to nobody. */
import * as z from 'zod'
import { type SecretStore, secretBytesMax } from '#controller/secrets/secret-store.ts'
import { LanistaError } from '#protocol/errors.ts'
import type { Route } from './route.ts'

export interface SecretRoutesDeps {
  /** None where the controller was started without a master key. */
  readonly secrets: SecretStore | undefined
  /** Whose secrets the operator may name. */
  readonly tenant: string
}

const path = '/api/v1/secrets'
const parameters = z.object({ name: z.string().max(64) })

export function secretRoutes({ secrets: given, tenant }: SecretRoutesDeps): Route[] {
  const secrets = (): SecretStore => given ?? refuseWithoutKey()
  return [
    {
      path,
      summary: 'Names of the secrets, and whether their key is at hand. What they hold is told by no route.',
      parameters: z.object({}),
      answer: z.array(
        z.strictObject({
          name: z.string(),
          created_ms: z.number(),
          changed_ms: z.number(),
          key: z.string().describe('id of the master key it needs'),
          is_openable: z.boolean(),
        }),
      ),
      handle: async () => ({
        body: (await secrets().list(tenant)).map(({ name, createdMs, changedMs, keyId, isOpenable }) => ({
          name,
          created_ms: createdMs,
          changed_ms: changedMs,
          key: keyId,
          is_openable: isOpenable,
        })),
      }),
    },
    {
      path: `${path}/:name`,
      method: 'PUT',
      takes: { bytesMax: secretBytesMax + 2, types: ['text/plain'] },
      summary: 'Sets a secret, to be used by its name; a line’s end at its end is left out.',
      parameters,
      answer: z.strictObject({ name: z.string(), outcome: z.enum(['created', 'changed']) }),
      handle: async ({ name = '' }, signal, { text }) => {
        const outcome = await secrets().set({ tenant, name }, text.replace(/\r?\n$/, ''), signal)
        return { status: outcome === 'created' ? 201 : 200, body: { name, outcome } }
      },
    },
    {
      path: `${path}/:name`,
      method: 'DELETE',
      summary: 'Removes a secret; whatever needs it fails from then on.',
      parameters,
      answer: z.strictObject({ name: z.string() }),
      handle: async ({ name = '' }, signal) => {
        await secrets().remove({ tenant, name }, signal)
        return { body: { name } }
      },
    },
    {
      path: `${path}/rotate`,
      method: 'POST',
      summary: 'Seals all secrets with another master key: a new one, or the first of systemd’s credential.',
      quietMs: 60_000,
      parameters: z.object({}),
      answer: z.strictObject({ key: z.string(), resealed: z.number(), left: z.number() }),
      handle: async (_parameters, signal) => {
        const { keyId, resealed, left } = await secrets().rotate(signal)
        return { body: { key: keyId, resealed, left } }
      },
    },
  ]
}

function refuseWithoutKey(): never {
  throw new LanistaError(
    'MASTER_KEY_MISSING',
    'start the controller with a master key: found none that can be read or made, expected one to seal secrets with; its log says why',
  )
}
