import * as z from 'zod/mini'
import { failureSchemaOf } from '#protocol/instances/failure-schema.ts'
import { instanceSpecSchema } from '#protocol/instances/spec-schema.ts'
import { instanceStates } from '#protocol/instances/status.ts'
import type { InstanceRow } from './instance.ts'
import { stages } from './life-cycle.ts'
import { scriptBookSchema } from './scripts/script-book.ts'

const timeMs = z.number()

const rowSchema: z.ZodMiniType<InstanceRow> = z.object({
  spec: instanceSpecSchema,
  active: z.optional(instanceSpecSchema),
  stage: z.enum(stages),
  isRemoving: z.boolean(),
  isRestartAsked: z.boolean(),
  isStale: z.boolean(),
  hasRun: z.boolean(),
  failure: z.optional(failureSchemaOf(z.string())),
  givenUp: z.optional(z.enum(['failed', 'crashLooping', 'finished'])),
  retryAtMs: z.optional(timeMs),
  insistAtMs: z.optional(timeMs),
  restartsAtMs: z.array(timeMs),
  restarts: z.int(),
  waitingSinceMs: z.optional(timeMs),
  changeTries: z.int(),
  place: z.optional(
    z.object({
      hostPorts: z.record(z.string(), z.int()),
      address: z.optional(z.string()),
      detail: z.record(z.string(), z.union([z.string(), z.number()])),
    }),
  ),
  scripts: z.optional(scriptBookSchema),
  shown: z.enum(instanceStates),
  sinceMs: timeMs,
})

/** A row as it was written; undefined for anything else. */
export function parseInstanceRow(text: string): InstanceRow | undefined {
  try {
    return rowSchema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
