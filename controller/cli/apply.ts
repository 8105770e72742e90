/** `lanista plan`, `lanista apply`, `lanista remove`: shows what would change, then changes just that. */
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'
import { parseApplicationDocument } from '#controller/applications/application-document.ts'
import { checkApplicationDocument } from '#controller/applications/application-file.ts'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { parseAnswer } from './answers.ts'
import { takeFolders } from './application-folders.ts'
import type { ControllerClient } from './client.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { waitUntilGone } from './instances-gone.ts'
import { isNothing, type PlanAnswer, planSchema, planText } from './plan-text.ts'
import type { Terminal } from './terminal.ts'

export interface ApplyFlags extends SharedFlags {
  readonly yes?: boolean | undefined
  readonly dryRun?: boolean | undefined
}

export interface RemoveFlags extends ApplyFlags {
  readonly wait?: boolean | undefined
}

/** A file that was found right, with everything it names inside. */
export interface ReadyFile {
  readonly application: string
  readonly text: string
}

interface Outcome {
  readonly plan: PlanAnswer
  readonly generation: number
  readonly is_changed: boolean
}

const plannedSchema = z.object({ generation: z.number(), plan: planSchema })
const outcomeSchema: z.ZodType<Outcome> = z.object({
  plan: planSchema,
  generation: z.number(),
  is_changed: z.boolean(),
})

const yamlType = 'application/yaml'

/** Shows what applying the file would change. */
export async function runPlan(file: string, flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  return runApply(file, { ...flags, dryRun: true }, terminal)
}

/** Shows the plan, and applies what it shows: at once, but for a terminal, where a person is asked first. */
export async function runApply(file: string, flags: ApplyFlags, terminal: Terminal): Promise<ExitCode> {
  const ready = readyFile(file)
  const client = await openClient(flags, terminal)
  return applyText(ready, client, flags, terminal)
}

/** The same for a text at hand. */
export async function applyText(
  { application, text }: ReadyFile,
  client: ControllerClient,
  flags: ApplyFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const sent = { type: yamlType, text }
  const path = pathOf(application)
  const planned = await client.send('POST', `${path}/plan`, {}, sent, terminal.stop)
  const { plan, generation } = parseAnswer(plannedSchema, planned, 'plan')
  return converge({ plan, generation }, flags, terminal, async () => {
    const expected = { generation: `${generation}` }
    return parseAnswer(outcomeSchema, await client.send('PUT', path, expected, sent, terminal.stop), 'apply')
  })
}

/** Shows what would go with the application, and removes it; waits until nothing of it runs any more. */
export async function runRemove(name: string, flags: RemoveFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const path = pathOf(name)
  const planned = await client.send('DELETE', path, { dry: 'true' }, undefined, terminal.stop)
  const { plan, generation } = parseAnswer(outcomeSchema, planned, 'remove')
  const code = await converge({ plan, generation, isRemoval: true }, flags, terminal, async () => {
    const expected = { generation: `${generation}` }
    return parseAnswer(outcomeSchema, await client.send('DELETE', path, expected, undefined, terminal.stop), 'remove')
  })
  return code !== 0 || flags.dryRun || flags.wait === false ? code : waitUntilGone(client, name, terminal)
}

/** Reads and checks a file with the folders it names; mistakes have their lines. Throws CONFIG_UNREADABLE, APPLICATION_INVALID. */
export function readyFile(file: string): ReadyFile {
  const isStdin = file === '-'
  const document = parseApplicationDocument(textOf(file), isStdin ? 'stdin' : file)
  takeFolders(document, isStdin ? '.' : dirname(file))
  const { name } = checkApplicationDocument(document)
  return { application: name, text: document.yaml.toString({ lineWidth: 0 }) }
}

function textOf(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (cause) {
    throw new LanistaError('CONFIG_UNREADABLE', `make the file readable: ${messageOf(cause)}`, {
      cause,
      data: { file },
    })
  }
}

function pathOf(application: string): string {
  return `/api/v1/applications/${encodeURIComponent(application)}`
}

interface Proposal {
  readonly plan: PlanAnswer
  readonly generation: number
  readonly isRemoval?: boolean | undefined
}

/** 0 when it is done, or there is nothing to do, or only the plan was wanted; 1 when a person said no. */
async function converge(
  { plan, generation, isRemoval }: Proposal,
  { json, yes, dryRun }: ApplyFlags,
  terminal: Terminal,
  make: () => Promise<Outcome>,
): Promise<ExitCode> {
  if (!json) terminal.write(planText(plan))
  if (dryRun) {
    if (json) writeJson(terminal, { plan, generation, is_changed: false })
    return 0
  }
  const isChange = isRemoval || !isNothing(plan)
  if (isChange && !yes && !(await isAgreed(terminal))) {
    terminal.note('lanista: nothing was changed')
    return 1
  }
  const outcome = await make()
  if (json) writeJson(terminal, outcome)
  else if (outcome.is_changed) terminal.write(isRemoval ? 'removed\n' : `applied as generation ${outcome.generation}\n`)
  return 0
}

/** Where nobody can be asked the command itself is the answer. */
async function isAgreed(terminal: Terminal): Promise<boolean> {
  const answer = await terminal.ask('Change this? [y/N] ')
  return answer === undefined || /^y(?:es)?$/i.test(answer.trim())
}
