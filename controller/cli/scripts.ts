/** `lanista run`, `interrupt`, `cleanup` and `scripts`: what users ask of a generic service, and how its scripts are. */
import { z } from 'zod'
import { parseAnswer } from './answers.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import { type ExitCode, usageError } from './exit-code.ts'
import { formatAge } from './figures.ts'
import { type Column, printable, renderTable } from './table.ts'
import type { Terminal } from './terminal.ts'

/** Scripts that users ask for. */
export type ScriptVerb = 'run' | 'interrupt' | 'cleanup'

/** A request waits for two answers of each member, ms. */
const askDeadlineMs = 45_000

interface StatusAnswer {
  readonly state: 'running' | 'stopped'
  readonly code: number | null
  readonly since_ms: number
}

/** A service as `GET /api/v1/services/…` shows it. */
export interface ServiceAnswer {
  readonly instances: readonly {
    readonly name: string
    readonly cloud: string
    readonly host: string
    readonly role: string
    readonly is_member: boolean
    readonly scripts: Readonly<Record<string, StatusAnswer | null>> | null
  }[]
}

const status: z.ZodType<StatusAnswer> = z.object({
  state: z.enum(['running', 'stopped']),
  code: z.number().nullable(),
  since_ms: z.number(),
})
const askedSchema = z.object({
  done: z.array(z.string()),
  failed: z.array(z.object({ name: z.string(), reason: z.string() })),
})
const serviceSchema: z.ZodType<ServiceAnswer> = z.object({
  instances: z.array(
    z.object({
      name: z.string(),
      cloud: z.string(),
      host: z.string(),
      role: z.string(),
      is_member: z.boolean(),
      scripts: z.record(z.string(), status.nullable()).nullable(),
    }),
  ),
})

const columns: readonly Column[] = [
  { title: 'INSTANCE', align: 'left' },
  { title: 'HOST', align: 'left' },
  { title: 'ROLE', align: 'left' },
  { title: 'SCRIPT', align: 'left' },
  { title: 'STATUS', align: 'left' },
  { title: 'STARTED', align: 'right' },
]

/** Has a script run on all members; 1 where some did not take it. */
export async function runScript(
  verb: ScriptVerb,
  name: string,
  parameters: readonly string[],
  flags: SharedFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const client = await openClient(flags, terminal, askDeadlineMs)
  const sent = { type: 'application/json', text: JSON.stringify(parameters.length > 0 ? { parameters } : {}) }
  const answer = await client.send('POST', `${pathOf(name)}/${verb}`, {}, sent, terminal.stop)
  const { done, failed } = parseAnswer(askedSchema, answer, verb)
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(`${printable(`${verb} on ${done.join(', ') || 'none'}`)}\n`)
  for (const one of failed) terminal.note(printable(`lanista: not on ${one.name}: ${one.reason}`))
  return failed.length > 0 ? 1 : 0
}

/** Each script on each host. */
export async function runScripts(name: string, flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.get(pathOf(name), {}, terminal.stop)
  const service = parseAnswer(serviceSchema, answer, 'scripts')
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(scriptsText(service, Date.now()))
  return 0
}

/** As ConPaaS shows them; `nowMs` is the reader's clock. */
export function scriptsText({ instances }: ServiceAnswer, nowMs: number): string {
  const rows = instances.flatMap(({ name, cloud, host, role, is_member: isMember, scripts }) =>
    Object.entries(scripts ?? { '-': null }).map(([script, status]) => [
      name,
      `${cloud}.${host}`,
      isMember ? role : `${role}, not up yet`,
      script,
      scripts ? statusText(status) : 'not known: its host is silent',
      status ? formatAge(Math.max(0, nowMs - status.since_ms)) : '-',
    ]),
  )
  return renderTable(columns, rows)
}

function statusText(found: StatusAnswer | null): string {
  if (!found) return 'NEVER STARTED'
  return found.state === 'running' ? 'RUNNING' : `STOPPED (return code ${found.code ?? 'unknown'})`
}

/** Throws USAGE. */
function pathOf(name: string): string {
  const [application = '', component = '', ...more] = name.split('/')
  if (application !== '' && component !== '' && more.length === 0) {
    return `/api/v1/services/${encodeURIComponent(application)}/${encodeURIComponent(component)}`
  }
  throw usageError(`name a component like shop/crunch: found ${name}`)
}
