/** Rules, decisions and replays as people read them. */
import type { ConditionAnswer, DecisionAnswer, ExplanationAnswer, ReplayAnswer, RuleAnswer } from './rule-answers.ts'
import { type Column, printable, renderTable, tableLines } from './table.ts'

function left(title: string): Column {
  return { title, align: 'left' }
}

function right(title: string): Column {
  return { title, align: 'right' }
}

const ruleColumns = [
  left('RULE'),
  left('STATE'),
  left('CONDITION'),
  left('DECISION'),
  left('COMPONENT'),
  right('WANTED'),
  left('JUDGED'),
  left('REASON'),
]

/** Every rule, a line each. */
export function rulesText(rules: readonly RuleAnswer[]): string {
  return renderTable(
    ruleColumns,
    rules.map((rule) => [
      `${rule.application}.${rule.rule}`,
      rule.is_by_hand ? `${rule.state} by hand` : rule.state,
      rule.decision === null ? '-' : truthText(rule.condition),
      decisionText(rule.decision, rule.outcome),
      rule.component ?? '-',
      countText(rule.wanted),
      rule.judged_ms === null ? 'not yet' : timeText(rule.judged_ms),
      rule.reason ?? '-',
    ]),
  )
}

/** Inputs, what came of the condition, every guard in turn, what happens next. */
export function explanationText(explanation: ExplanationAnswer): string {
  const { application, rule, decision, reason, time_ms: timeMs, tree, actions, next } = explanation
  const lines = [
    printable(`${application}.${rule} at ${timeText(timeMs)}: ${decision}, ${reason}`),
    '',
    'condition',
    ...conditionLines(tree, 1),
    ...actions.flatMap((action) => ['', ...actionLines(action)]),
    '',
    'next',
    ...next.map(({ at_ms: atMs, says }) => `  ${timeText(atMs)}  ${printable(says)}`),
    ...(next.length === 0 ? ['  nothing until it is resumed'] : []),
  ]
  return `${lines.join('\n')}\n`
}

function conditionLines({ text, value, note, known, expected, of }: ConditionAnswer, depth: number): string[] {
  const counts = known === null || expected === null ? [] : [`${known} of ${expected} inputs`]
  const notes = note === null ? counts : [note]
  const says = `${text}: ${truthText(value)}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`
  return [`${'  '.repeat(depth)}${printable(says)}`, ...of.flatMap((part) => conditionLines(part, depth + 1))]
}

const guardColumns = [left('  GUARD'), right('COUNT'), left(''), left('SAYS'), left('UNTIL')]

function actionLines({ kind, target, from, recommended, to, guards }: ExplanationAnswer['actions'][number]): string[] {
  const counts =
    kind === 'scale'
      ? `: ${countText(from)} wanted, ${countText(recommended)} recommended, ${countText(to)} decided`
      : ''
  const rows = guards.map(({ guard, count, is_held: isHeld, says, until_ms: untilMs }) => [
    `  ${guard}`,
    countText(count),
    isHeld ? 'held' : '',
    says,
    untilMs === null ? '' : timeText(untilMs),
  ])
  return [printable(`${kind} ${target}${counts}`), ...tableLines(guardColumns, rows)]
}

const replayColumns = [
  left('TIME'),
  left('RULE'),
  left('CONDITION'),
  left('DECISION'),
  left('COMPONENT'),
  right('FROM'),
  right('TO'),
  left('REASON'),
]

/** What would have been decided, a line each. */
export function replayText({ decisions, windows, wanted_before: before, wanted_after: after }: ReplayAnswer): string {
  const counts = (wanted: Readonly<Record<string, number>>): string =>
    Object.entries(wanted)
      .map(([component, count]) => `${component}=${count}`)
      .join(' ')
  const says = `${windows} windows; wanted before: ${counts(before)}; after: ${counts(after)}`
  return `${renderTable(replayColumns, decisions.map(replayRow))}${printable(says)}\n`
}

function replayRow({
  time_ms: timeMs,
  rule,
  condition,
  decision,
  component,
  from,
  to,
  reason,
}: DecisionAnswer): string[] {
  return [
    timeText(timeMs),
    rule,
    truthText(condition),
    decision,
    component ?? '-',
    countText(from),
    countText(to),
    reason,
  ]
}

function decisionText(decision: string | null, outcome: string | null): string {
  if (decision === null) return '-'
  const isActing = decision === 'up' || decision === 'down' || decision === 'raise'
  return isActing && outcome !== null && outcome !== 'done' ? `${decision} ${outcome}` : decision
}

function truthText(value: boolean | null): string {
  return value === null ? 'unknown' : String(value)
}

function countText(count: number | null): string {
  return count === null ? '-' : String(count)
}

function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('.000Z', 'Z')
}
