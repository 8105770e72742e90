/** `lanista audit`: who changed what, and whether that list is whole. */
import { z } from 'zod'
import { parseAnswer } from './answers.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { printable } from './table.ts'
import type { Terminal } from './terminal.ts'

export interface AuditFlags extends SharedFlags {
  readonly from?: string | undefined
  readonly until?: string | undefined
  readonly limit?: string | undefined
}

interface AuditAnswer {
  readonly index: number
  readonly time_ms: number
  readonly who: string
  readonly from: string
  readonly action: string
  readonly status: number
  readonly outcome: string
}

interface CheckAnswer {
  readonly entries: number
  readonly hash: string
  readonly findings: readonly { readonly index: number; readonly kind: string }[]
}

const path = '/api/v1/audit'
/** A check reads every entry, ms. */
const checkDeadlineMs = 60_000

const listSchema: z.ZodType<readonly AuditAnswer[]> = z.array(
  z.object({
    index: z.number(),
    time_ms: z.number(),
    who: z.string(),
    from: z.string(),
    action: z.string(),
    status: z.number(),
    outcome: z.string(),
  }),
)
const checkSchema: z.ZodType<CheckAnswer> = z.object({
  entries: z.number(),
  hash: z.string(),
  findings: z.array(z.object({ index: z.number(), kind: z.string() })),
})

/** The newest entries that fit, a line each, oldest first. */
export async function runAudit(flags: AuditFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const { from, until, limit } = flags
  const answer = await client.get(path, { from, until, limit }, terminal.stop)
  const entries = parseAnswer(listSchema, answer, 'audit log')
  if (flags.json) writeJson(terminal, answer)
  else for (const entry of entries) terminal.write(lineOf(entry))
  return 0
}

/** Checks the whole chain; 1 when an entry was changed or is missing. */
export async function runAuditCheck(flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal, checkDeadlineMs)
  const answer = await client.get(`${path}/check`, {}, terminal.stop)
  const { entries, hash, findings } = parseAnswer(checkSchema, answer, 'check of the audit log')
  if (flags.json) writeJson(terminal, answer)
  else {
    for (const { index, kind } of findings) terminal.write(`entry ${index} ${printable(kind)}\n`)
    terminal.write(`${entries} entries, ${findings.length} changed or missing, newest ${printable(hash)}\n`)
  }
  return findings.length === 0 ? 0 : 1
}

function lineOf({ time_ms, who, from, action, status, outcome }: AuditAnswer): string {
  const words = [new Date(time_ms).toISOString(), who, from || '-', String(status), outcome, action]
  return `${words.map(printable).join('  ')}\n`
}
