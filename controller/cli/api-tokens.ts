/** `lanista tokens`: who else may ask the controller, and how much. */
import { z } from 'zod'
import { parseAnswer } from './answers.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { type Column, printable, renderTable } from './table.ts'
import type { Terminal } from './terminal.ts'

interface TokenAnswer {
  readonly name: string
  readonly role: string
  readonly expires_ms: number
  readonly last_used_ms: number | null
}

export interface CreateFlags extends SharedFlags {
  readonly role: string
  readonly lifetime?: string | undefined
}

const path = '/api/v1/tokens'

const listSchema: z.ZodType<readonly TokenAnswer[]> = z.array(
  z.object({ name: z.string(), role: z.string(), expires_ms: z.number(), last_used_ms: z.number().nullable() }),
)
const madeSchema: z.ZodType<{ token: string; expires_ms: number }> = z.object({
  token: z.string(),
  expires_ms: z.number(),
})

const columns: readonly Column[] = [
  { title: 'NAME', align: 'left' },
  { title: 'ROLE', align: 'left' },
  { title: 'EXPIRES', align: 'left' },
  { title: 'LAST USED', align: 'left' },
]

/** All tokens but the operator's. */
export async function runTokens(flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.get(path, {}, terminal.stop)
  const tokens = parseAnswer(listSchema, answer, 'tokens')
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(renderTable(columns, tokens.map(rowOf)))
  return 0
}

/** Makes one: the token is on stdout, and nowhere again. */
export async function runTokensCreate(name: string, flags: CreateFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const { role, lifetime } = flags
  const answer = await client.send('POST', path, { name, role, lifetime }, undefined, terminal.stop)
  const { token, expires_ms } = parseAnswer(madeSchema, answer, 'token')
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(`${printable(token)}\n`)
  terminal.note(`${printable(name)}: ${printable(role)} until ${new Date(expires_ms).toISOString()}`)
  return 0
}

/** Revokes one. */
export async function runTokensRevoke(name: string, flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.send('DELETE', `${path}/${encodeURIComponent(name)}`, {}, undefined, terminal.stop)
  if (flags.json) writeJson(terminal, answer)
  else terminal.note(`${printable(name)}: revoked`)
  return 0
}

function rowOf({ name, role, expires_ms, last_used_ms }: TokenAnswer): string[] {
  const used = last_used_ms === null ? 'never' : new Date(last_used_ms).toISOString()
  return [name, role, new Date(expires_ms).toISOString(), used]
}
