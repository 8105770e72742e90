/** `lanista apps`: what is in force, its files, and their earlier versions. */
import { z } from 'zod'
import { LanistaError } from '#protocol/errors.ts'
import { parseAnswer } from './answers.ts'
import { type ApplyFlags, applyText } from './apply.ts'
import type { ControllerClient } from './client.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import { type ExitCode, usageError } from './exit-code.ts'
import { formatTime } from './figures.ts'
import { type Column, renderTable } from './table.ts'
import type { Terminal } from './terminal.ts'

export interface ShowFlags extends SharedFlags {
  readonly generation?: string | undefined
}

export interface RollbackFlags extends ApplyFlags {
  readonly generation?: string | undefined
}

/** An application as `GET /api/v1/applications` lists it. */
export interface ApplicationAnswer {
  readonly name: string
  readonly generation: number
  readonly applied_at_ms: number
  readonly components: Readonly<Record<string, number>>
  readonly monitors: number
  readonly rules: number
  readonly subscriptions: number
  readonly problem: string | null
}

const applicationsSchema: z.ZodType<readonly ApplicationAnswer[]> = z.array(
  z.object({
    name: z.string(),
    generation: z.number(),
    applied_at_ms: z.number(),
    components: z.record(z.string(), z.number()),
    monitors: z.number(),
    rules: z.number(),
    subscriptions: z.number(),
    problem: z.string().nullable(),
  }),
)
const versionsSchema = z.object({ versions: z.array(z.object({ generation: z.number() })) })

const columns: readonly Column[] = [
  { title: 'APPLICATION', align: 'left' },
  { title: 'GENERATION', align: 'right' },
  { title: 'APPLIED', align: 'left' },
  { title: 'MONITORS', align: 'right' },
  { title: 'RULES', align: 'right' },
  { title: 'SUBSCRIPTIONS', align: 'right' },
  { title: 'WANTED', align: 'left' },
]

/** All applications as a table; 1 when the controller cannot read one of them any more. */
export async function runApps(flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.get('/api/v1/applications', {}, terminal.stop)
  const applications = parseAnswer(applicationsSchema, answer, 'applications')
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(appsText(applications))
  const broken = applications.filter(({ problem }) => problem !== null)
  for (const { name, problem } of broken) terminal.note(`lanista: apply ${name} anew, it runs nothing: ${problem}`)
  return broken.length > 0 ? 1 : 0
}

/** The file of one, or with `--json` what it means. */
export async function runAppsShow(name: string, flags: ShowFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  if (!flags.json) terminal.write(await fileOf(client, name, flags.generation, terminal))
  else if (flags.generation !== undefined)
    throw usageError('leave out --json or --generation: earlier versions are kept as files')
  else writeJson(terminal, await client.get(pathOf(name), {}, terminal.stop))
  return 0
}

/** Applies an earlier version again, as a new generation. */
export async function runAppsRollback(name: string, flags: RollbackFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const generation = flags.generation ?? (await generationBefore(client, name, terminal))
  const text = await fileOf(client, name, generation, terminal)
  return applyText({ application: name, text }, client, flags, terminal)
}

/** The table. */
export function appsText(applications: readonly ApplicationAnswer[]): string {
  return renderTable(
    columns,
    applications.map(({ name, generation, applied_at_ms, components, monitors, rules, subscriptions }) => [
      name,
      `${generation}`,
      formatTime(applied_at_ms),
      `${monitors}`,
      `${rules}`,
      `${subscriptions}`,
      Object.entries(components)
        .map(([component, count]) => `${component}=${count}`)
        .join(' ') || '-',
    ]),
  )
}

async function generationBefore(client: ControllerClient, name: string, terminal: Terminal): Promise<string> {
  const answer = await client.get(pathOf(name), {}, terminal.stop)
  const before = parseAnswer(versionsSchema, answer, 'applications').versions.at(-2)
  if (before) return `${before.generation}`
  throw new LanistaError('REQUEST_INVALID', `apply ${name} from a file: found no version before the one in force`)
}

async function fileOf(
  client: ControllerClient,
  name: string,
  generation: string | undefined,
  terminal: Terminal,
): Promise<string> {
  const response = await client.open(`${pathOf(name)}/file`, { generation }, terminal.stop)
  return response.text()
}

function pathOf(application: string): string {
  return `/api/v1/applications/${encodeURIComponent(application)}`
}
