/** `/api/v1/rules`: how rules stand, why, what they would do or would have done; paused and resumed. */
import * as z from 'zod'
import { fileBytesMax } from '#controller/applications/application-document.ts'
import { ruleContext } from '#controller/applications/rule-book.ts'
import { openApplicationFile } from '#controller/applications/secrets.ts'
import type { ReplayOrder, RuleDesk } from '#controller/rules/rule-desk.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Parameters } from './parameters.ts'
import { clash, rangeOf } from './question-parameters.ts'
import type { Route } from './route.ts'
import { explanationShape, pausedShape, replayShape, rulesShape } from './rule-shapes.ts'

export interface RuleRoutesDeps {
  readonly rules: RuleDesk
  readonly clock: Pick<Clock, 'now'>
  /** What the operator may see and change. */
  readonly tenant: string
}

/** A replay reads and computes: longer than other questions may take. */
const replayQuietMs = 120_000

const id = z.string().max(129).describe('name, or application.name')
const time = z.string().max(64)
const path = '/api/v1/rules'

export function ruleRoutes(deps: RuleRoutesDeps): Route[] {
  const { rules } = deps
  return [
    {
      path,
      summary: 'Every rule with its last decision.',
      parameters: z.object({ application: z.string().max(64).optional().describe('of this application only') }),
      answer: rulesShape,
      handle: ({ application }) => ({ body: rules.list(application) }),
    },
    {
      path: `${path}/:id`,
      summary:
        'The last decision of a rule: every input, what came of the condition, every guard in turn, and what happens next.',
      parameters: z.object({ id }),
      answer: explanationShape,
      handle: ({ id = '' }) => ({ body: rules.explain(id) }),
    },
    {
      path: `${path}/:id/dry-run`,
      method: 'POST',
      summary: 'What the rule would decide now, paused or not; changes nothing.',
      parameters: z.object({ id }),
      answer: explanationShape,
      handle: ({ id = '' }) => ({ body: rules.dryRun(id) }),
    },
    {
      path: `${path}/replay`,
      method: 'POST',
      takes: { bytesMax: fileBytesMax, types: ['application/yaml', 'application/json'] },
      quietMs: replayQuietMs,
      summary:
        'What a rule would have done over stored history; with an application file as body, one of its rules or all.',
      parameters: z.object({
        rule: id.optional().describe('which; needed without a file'),
        from: time.describe('first window: epoch milliseconds, ISO 8601, or relative like -1d'),
        until: time.optional().describe('last window; default now'),
        wanted: z.string().max(4096).optional().describe('instances at the beginning: web=2,db=1'),
        every: z.enum(['true', 'false']).optional().describe('all decisions, also those that repeat the one before'),
      }),
      answer: replayShape,
      handle: async (parameters, signal, { text }) => ({
        body: await rules.replay(orderOf(deps, parameters, text), signal),
      }),
    },
    {
      path: `${path}/:id/pause`,
      method: 'POST',
      summary: 'The rule decides nothing until it is resumed.',
      parameters: z.object({ id }),
      answer: pausedShape,
      handle: async ({ id = '' }) => ({ body: await rules.pause(id, true) }),
    },
    {
      path: `${path}/:id/resume`,
      method: 'POST',
      summary: 'The rule decides again, also when its file pauses it.',
      parameters: z.object({ id }),
      answer: pausedShape,
      handle: async ({ id = '' }) => ({ body: await rules.pause(id, false) }),
    },
  ]
}

/** Throws TIME_INVALID, QUERY_INVALID, APPLICATION_INVALID. */
function orderOf(deps: RuleRoutesDeps, parameters: Parameters, text: string): ReplayOrder {
  const { rule, wanted = '', every } = parameters
  const { fromMs = 0, untilMs = deps.clock.now() } = rangeOf(deps, parameters)
  if (fromMs > untilMs) throw clash('from', `${fromMs} in the future`, 'a time before until')
  if (text.trim() === '' && rule === undefined) throw clash('rule', 'nothing', 'the name of a rule, or a file as body')
  return { id: rule, fromMs, untilMs, wanted: countsOf(wanted), isWhole: every === 'true', ...fileOf(text) }
}

function fileOf(text: string): Pick<ReplayOrder, 'file'> {
  if (text.trim() === '') return {}
  const { file } = openApplicationFile(text, 'file')
  const initial = new Map(file.components.map(({ name, instances }) => [name, instances.initial]))
  return { file: { context: ruleContext(file), initial } }
}

function countsOf(text: string): Map<string, number> {
  const parts = text.split(',').filter((part) => part !== '')
  return new Map(
    parts.map((part) => {
      const [, component, count] = /^([A-Za-z0-9_-]{1,64})=(\d{1,6})$/.exec(part) ?? []
      if (component === undefined) throw clash('wanted', JSON.stringify(part), 'COMPONENT=COUNT, more behind commas')
      return [component, Number(count)]
    }),
  )
}
