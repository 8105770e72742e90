/** `lanista rules`: how rules stand, why, what they would do or would have done; paused and resumed. */
import { parseAnswer } from './answers.ts'
import { readyFile } from './apply.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import { type ExitCode, usageError } from './exit-code.ts'
import { explanationSchema, replaySchema, ruleSchema, rulesSchema } from './rule-answers.ts'
import { explanationText, replayText, rulesText } from './rule-text.ts'
import { printable } from './table.ts'
import type { Terminal } from './terminal.ts'

export interface RulesFlags extends SharedFlags {
  readonly application?: string | undefined
}

export interface ReplayFlags extends SharedFlags {
  readonly from: string
  readonly until?: string | undefined
  readonly file?: string | undefined
  readonly wanted?: string | undefined
  readonly every?: boolean | undefined
}

const path = '/api/v1/rules'
/** A replay reads history and computes. */
const replayDeadlineMs = 120_000

/** Every rule with its last decision. */
export async function runRules(flags: RulesFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.get(path, { application: flags.application }, terminal.stop)
  const rules = parseAnswer(rulesSchema, answer, 'rules')
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(rulesText(rules))
  return 0
}

/** Why a rule decided what it decided, and what happens next. */
export async function runRulesExplain(rule: string, flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  return showExplanation(await client.get(pathOf(rule), {}, terminal.stop), flags, terminal)
}

/** What it would decide now. */
export async function runRulesDryRun(rule: string, flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.send('POST', `${pathOf(rule)}/dry-run`, {}, undefined, terminal.stop)
  return showExplanation(answer, flags, terminal)
}

/** Pauses a rule by hand, or resumes it. */
export async function runRulesPause(
  rule: string,
  verb: 'pause' | 'resume',
  flags: SharedFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.send('POST', `${pathOf(rule)}/${verb}`, {}, undefined, terminal.stop)
  const { application, rule: name, state } = parseAnswer(ruleSchema, answer, 'rule')
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(`${printable(`${application}.${name}`)} ${state}\n`)
  return 0
}

/** What rules would have done over stored history; hosts whose samples could not be had are named on stderr. */
export async function runRulesReplay(
  rule: string | undefined,
  flags: ReplayFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  if (rule === undefined && flags.file === undefined) {
    throw usageError('name a rule, or a file with --file: found neither')
  }
  const { from, until, wanted } = flags
  const params = { rule, from, until, wanted, every: flags.every ? 'true' : undefined }
  const text = flags.file === undefined ? '' : readyFile(flags.file).text
  const client = await openClient(flags, terminal, replayDeadlineMs)
  const answer = await client.send('POST', `${path}/replay`, params, { type: 'application/yaml', text }, terminal.stop)
  const replay = parseAnswer(replaySchema, answer, 'replay')
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(replayText(replay))
  if (replay.unanswered.length > 0) {
    terminal.note(
      `lanista: the samples of ${replay.unanswered.length} hosts are missing: ${replay.unanswered.join(', ')}`,
    )
  }
  return 0
}

function showExplanation(answer: unknown, flags: SharedFlags, terminal: Terminal): ExitCode {
  const explanation = parseAnswer(explanationSchema, answer, 'rule')
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(explanationText(explanation))
  return 0
}

function pathOf(rule: string): string {
  return `${path}/${encodeURIComponent(rule)}`
}
