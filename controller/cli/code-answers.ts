/** What `lanista code` reads from the controller's answers, and how it is shown. */
import { z } from 'zod'
import { formatAge, formatBytes } from './figures.ts'
import { printable, renderTable } from './table.ts'

export interface VersionAnswer {
  readonly id: string
  readonly sha256: string
  readonly bytes: number
  readonly name: string
  readonly type: string
  readonly description: string
  readonly uploaded_at_ms: number
  readonly is_current: boolean
}

export interface CodeAnswer {
  readonly application: string
  readonly component: string
  readonly current: string | null
  readonly versions: readonly VersionAnswer[]
  readonly roll_out: {
    readonly to: string
    readonly phase: string
    readonly reason: string | null
    readonly waits: string | null
  } | null
  readonly last: { readonly to: string; readonly outcome: string; readonly reason: string | null } | null
}

export const versionSchema: z.ZodType<VersionAnswer> = z.object({
  id: z.string(),
  sha256: z.string(),
  bytes: z.number(),
  name: z.string(),
  type: z.string(),
  description: z.string(),
  uploaded_at_ms: z.number(),
  is_current: z.boolean(),
})

export const codeSchema: z.ZodType<CodeAnswer> = z.object({
  application: z.string(),
  component: z.string(),
  current: z.string().nullable(),
  versions: z.array(versionSchema),
  roll_out: z
    .object({ to: z.string(), phase: z.string(), reason: z.string().nullable(), waits: z.string().nullable() })
    .nullable(),
  last: z.object({ to: z.string(), outcome: z.string(), reason: z.string().nullable() }).nullable(),
})

/** Versions as a table, the newest first; `nowMs` is the reader's clock. */
export function versionsText({ versions }: CodeAnswer, nowMs: number): string {
  return renderTable(
    [
      { title: 'VERSION', align: 'left' },
      { title: 'CURRENT', align: 'left' },
      { title: 'TYPE', align: 'left' },
      { title: 'SIZE', align: 'right' },
      { title: 'UPLOADED', align: 'right' },
      { title: 'NAME', align: 'left' },
      { title: 'DESCRIPTION', align: 'left' },
    ],
    versions.map(({ id, is_current, type, bytes, uploaded_at_ms, name, description }) => [
      id,
      is_current ? 'yes' : '',
      type,
      formatBytes(bytes),
      formatAge(Math.max(0, nowMs - uploaded_at_ms)),
      name,
      description,
    ]),
  )
}

/** Which version is enabled, what is under way, and how the last roll-out ended. */
export function statusText({ application, component, current, roll_out, last }: CodeAnswer): string {
  const lines = [
    `${application}/${component}`,
    `  enabled  ${current ?? 'none'}`,
    ...(roll_out
      ? [`  rolling  ${roll_out.phase === 'back' ? `back from ${roll_out.to}` : `out ${roll_out.to}`}`]
      : []),
    ...(roll_out?.waits ? [`  waits    for ${roll_out.waits}`] : []),
    ...(last ? [`  last     ${last.to} ${last.outcome}${last.reason === null ? '' : `: ${last.reason}`}`] : []),
  ]
  return lines.map((line) => `${printable(line)}\n`).join('')
}
