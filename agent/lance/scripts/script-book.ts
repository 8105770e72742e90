/** Scripts of one instance of a generic service as they are kept on the disk (seed-systems §7.6). */
import * as z from 'zod/mini'
import { type Member, type Members, membersSchema } from '#protocol/instances/members.ts'
import { type ScriptName, type ScriptStatuses, scriptNames } from '#protocol/instances/scripts.ts'

/** One start of a script, the last of its name. */
export interface ScriptRun {
  /** Never used again: of one id there is one process. */
  readonly id: string
  readonly startedAtMs: number
  /** Absent = those of the service. */
  readonly parameters?: readonly string[] | undefined
  /** Of `init` and `notify`: what they are told. */
  readonly members?: Members | undefined
  /** It was interrupted once: the next time it is told to end. */
  readonly isInterrupted?: boolean | undefined
  /** It was ended because the instance stops: what it was told counts as not told. */
  readonly isCutOff?: boolean | undefined
  /** SIGTERM is due from then on, epoch ms. */
  readonly termAtMs?: number | undefined
  /** SIGKILL is due from then on, epoch ms. */
  readonly killAtMs?: number | undefined
  readonly end?: { readonly code: number | null; readonly atMs: number } | undefined
}

export interface ScriptBook {
  readonly runs: Readonly<Partial<Record<ScriptName, ScriptRun>>>
  /** What `init` or `notify` was told last. */
  readonly told?: Members | undefined
  /** Starts of `notify`, ever. */
  readonly notified: number
}

export const emptyBook: ScriptBook = { runs: {}, notified: 0 }

/** Names of those that run, `init` aside: the life cycle runs that. */
export function runningScripts({ runs }: ScriptBook): readonly Exclude<ScriptName, 'init'>[] {
  return scriptNames.flatMap((name) => (name !== 'init' && runs[name] && !runs[name].end ? [name] : []))
}

/** As they are told of. */
export function statusesOf({ runs }: ScriptBook): ScriptStatuses {
  return Object.fromEntries(
    Object.entries(runs).map(([name, { startedAtMs, end }]) => [
      name,
      { state: end ? 'stopped' : 'running', sinceMs: startedAtMs, code: end?.code ?? null },
    ]),
  )
}

/** Do both name the same members with the same addresses and roles, in whatever order? */
export function isSameMembers(a: Members | undefined, b: Members | undefined): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))
}

function sorted(members: Members | undefined): readonly unknown[] | undefined {
  const byId = (a: Member, b: Member): number => (a.id < b.id ? -1 : 1)
  return members?.list.toSorted(byId).map(({ id, ip, role }) => [id, ip, role])
}

const run: z.ZodMiniType<ScriptRun> = z.object({
  id: z.string(),
  startedAtMs: z.number(),
  parameters: z.optional(z.array(z.string())),
  members: z.optional(membersSchema),
  isInterrupted: z.optional(z.boolean()),
  isCutOff: z.optional(z.boolean()),
  termAtMs: z.optional(z.number()),
  killAtMs: z.optional(z.number()),
  end: z.optional(z.object({ code: z.nullable(z.int()), atMs: z.number() })),
})

export const scriptBookSchema: z.ZodMiniType<ScriptBook> = z.object({
  runs: z.partialRecord(z.enum(scriptNames), run),
  told: z.optional(membersSchema),
  notified: z.int(),
})
