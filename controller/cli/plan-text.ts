/** A plan as people read it. */
import { z } from 'zod'
import { printable } from './table.ts'

/** A plan as the controller answers it. */
export interface PlanAnswer {
  readonly application: string
  readonly steps: readonly {
    readonly verb: string
    readonly kind: string
    readonly name: string
    readonly restarts: boolean
    readonly differences: readonly { readonly path: string; readonly from: string; readonly to: string }[]
    readonly more: number
  }[]
  readonly wanted: readonly {
    readonly component: string
    readonly from: number | null
    readonly to: number | null
  }[]
}

const count = z.number().nullable()

export const planSchema: z.ZodType<PlanAnswer> = z.object({
  application: z.string(),
  steps: z.array(
    z.object({
      verb: z.string(),
      kind: z.string(),
      name: z.string(),
      restarts: z.boolean(),
      differences: z.array(z.object({ path: z.string(), from: z.string(), to: z.string() })),
      more: z.number(),
    }),
  ),
  wanted: z.array(z.object({ component: z.string(), from: count, to: count })),
})

/** True when there is nothing to do. */
export function isNothing({ steps, wanted }: PlanAnswer): boolean {
  return steps.length === 0 && wanted.length === 0
}

const signs: Readonly<Record<string, string>> = { create: '+', change: '~', remove: '-' }

/** `+ component web`, one a line, with what differs and a summary; control characters never reach the terminal. */
export function planText(plan: PlanAnswer): string {
  if (isNothing(plan)) return `${printable(plan.application)}: nothing to do\n`
  const kindWidth = Math.max(...plan.steps.map(({ kind }) => kind.length), 'wanted'.length)
  const lines = plan.steps.flatMap(({ verb, kind, name, restarts, differences, more }) => [
    `  ${signs[verb] ?? '?'} ${kind.padEnd(kindWidth)}  ${name}${restarts ? '  (restarts)' : ''}`,
    ...differences.map(({ path, from, to }) => `      ${path}: ${from} -> ${to}`),
    ...(more > 0 ? [`      and ${more} more`] : []),
  ])
  const counts = plan.wanted
    .filter(({ from, to }) => from !== null || to !== null)
    .map(({ component, from, to }) => `  = ${'wanted'.padEnd(kindWidth)}  ${component}: ${from ?? 0} -> ${to ?? 0}`)
  const text = [`${plan.application}:`, ...lines, ...counts, summaryOf(plan)]
  return `${text.map(printable).join('\n')}\n`
}

function summaryOf({ steps }: PlanAnswer): string {
  const many = (verb: string): number => steps.filter((step) => step.verb === verb).length
  const restarts = steps.filter((step) => step.restarts).length
  const restarting = restarts > 0 ? ` (${restarts} with a restart)` : ''
  return `${many('create')} to create, ${many('change')} to change${restarting}, ${many('remove')} to remove`
}
