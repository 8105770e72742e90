import { messageOf } from '#protocol/errors.ts'
import type { Rule } from '#protocol/monitors/rule.ts'
import type { ActionExecutor } from './action-executor.ts'
import type { ActionDecision, Decision } from './decision.ts'
import type { Effect } from './decision-report.ts'
import { doesSomething } from './summary.ts'

/** Has every action of a decision that changes something carried out, in order; ends with the first that cannot be. Never rejects. */
export async function carryOut(
  decision: Decision,
  rule: Pick<Rule, 'then'> | undefined,
  executor: ActionExecutor,
): Promise<Effect> {
  let effect: Effect = { outcome: 'repeated' }
  for (const action of decision.actions.filter(doesSomething)) {
    const one = await effectOf(action, decision, rule, executor)
    if (one.outcome !== 'repeated') effect = one
    if (one.outcome === 'refused' || one.outcome === 'failed') break
  }
  return effect
}

async function effectOf(
  action: ActionDecision,
  { id, application, rule: ruleName, windowEndMs }: Decision,
  rule: Pick<Rule, 'then'> | undefined,
  executor: ActionExecutor,
): Promise<Effect> {
  try {
    if (action.kind === 'raise') {
      const given = rule?.then[action.index]
      const data = given?.kind === 'raise' ? given.data : {}
      await executor.raise({ application, rule: ruleName, event: action.target, data, decisionId: id })
      return { outcome: 'done' }
    }
    const { target: component, from, to } = action
    const scaling = { application, component, from: from ?? 0, to: to ?? 0, decisionId: id, atMs: windowEndMs }
    const outcome = await executor.scale(scaling)
    return outcome.kind === 'refused' ? { outcome: 'refused', reason: outcome.reason } : { outcome: outcome.kind }
  } catch (error) {
    return { outcome: 'failed', reason: messageOf(error) }
  }
}
