/** What the commands about instances read from the controller's answers, and show of it. */
import { z } from 'zod'
import type { ComponentExplanation, InstanceView } from '#controller/instances/instance-view.ts'
import type { Read } from './answers.ts'
import { formatAge } from './figures.ts'
import { type Column, printable, renderTable } from './table.ts'

/** Of an instance, what is read of it. */
export type InstanceAnswer = Read<
  Pick<
    InstanceView,
    | 'id'
    | 'name'
    | 'cloud'
    | 'host'
    | 'state'
    | 'wanted'
    | 'generation'
    | 'host_generation'
    | 'restarts'
    | 'since_ms'
    | 'endpoints'
    | 'why'
    | 'next'
  >
>

/** Of a component that is explained. */
export interface ExplainedAnswer extends Omit<ComponentExplanation, 'instances'> {
  readonly instances: readonly InstanceAnswer[]
}

const level = z.string().optional()

export const instanceSchema: z.ZodType<InstanceAnswer> = z.object({
  id: z.string(),
  name: z.string(),
  cloud: z.string(),
  host: z.string(),
  state: z.string(),
  wanted: z.string(),
  generation: z.number(),
  host_generation: z.number().nullable(),
  restarts: z.number().nullable(),
  since_ms: z.number().nullable(),
  endpoints: z.record(z.string(), z.object({ public: level, cloud: level, container: level })),
  why: z.string().nullable(),
  next: z.string(),
})

export const explainedSchema: z.ZodType<ExplainedAnswer> = z.object({
  application: z.string(),
  component: z.string(),
  wanted: z.number(),
  min: z.number(),
  max: z.number(),
  seen: z.record(z.string(), z.number()),
  waits: z.array(z.string()),
  rejected: z.array(z.object({ host: z.string(), reasons: z.array(z.string()) })),
  code: z.string().nullable(),
  instances: z.array(instanceSchema),
})

const columns: readonly Column[] = [
  { title: 'INSTANCE', align: 'left' },
  { title: 'HOST', align: 'left' },
  { title: 'CLOUD', align: 'left' },
  { title: 'STATE', align: 'left' },
  { title: 'SINCE', align: 'right' },
  { title: 'RESTARTS', align: 'right' },
  { title: 'ENDPOINTS', align: 'left' },
  { title: 'WHY', align: 'left' },
]

/** Instances as a table; `nowMs` is the reader's clock. */
export function instancesText(instances: readonly InstanceAnswer[], nowMs: number): string {
  return renderTable(
    columns,
    instances.map((one) => [
      one.name,
      one.host,
      one.cloud,
      stateText(one),
      one.since_ms === null ? '-' : formatAge(Math.max(0, nowMs - one.since_ms)),
      one.restarts === null ? '-' : `${one.restarts}`,
      endpointsText(one),
      one.why ?? '',
    ]),
  )
}

/** A component: what is wanted, what is seen, what is waited for, and each instance with its next step. */
export function explainedText(explained: ExplainedAnswer): string {
  const { application, component, wanted, min, max, seen, waits, rejected, code, instances } = explained
  const counts = Object.entries(seen).map(([state, count]) => `${count} ${state}`)
  return [
    `${application}/${component}`,
    `  wanted  ${wanted} (${min} to ${max})`,
    `  seen    ${counts.join(', ') || 'none'}`,
    ...(code ? [`  code    ${code}`] : []),
    ...waits.map((says) => `  waits   for ${says}`),
    ...rejected.map(({ host, reasons }) => `  not on  ${host}: ${reasons.join('; ')}`),
    ...instances.flatMap(instanceLines),
  ]
    .map((line) => `${printable(line)}\n`)
    .join('')
}

function instanceLines(one: InstanceAnswer): string[] {
  const behind = one.host_generation !== null && one.host_generation < one.generation
  const generation = `generation ${behind ? `${one.host_generation}, to be ${one.generation}` : one.generation}`
  return [
    `  ${one.name} on ${one.cloud}.${one.host}: ${stateText(one)}, ${generation}`,
    ...(one.why === null ? [] : [`    why   ${one.why}`]),
    `    next  ${one.next}`,
  ]
}

/** What it is, and where that differs, what it is to be. */
function stateText({ state, wanted }: InstanceAnswer): string {
  return wanted === 'running' || state === wanted ? state : `${state}, to be ${wanted}`
}

/** The farthest level of each port. */
function endpointsText({ endpoints }: InstanceAnswer): string {
  const shown = Object.entries(endpoints).flatMap(([port, levels]) => {
    const at = levels.public ?? levels.cloud ?? levels.container
    return at === undefined ? [] : [`${port}=${at}`]
  })
  return shown.join(' ')
}
