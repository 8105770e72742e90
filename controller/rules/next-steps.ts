/** What happens next to a rule, and when, if nothing it looks at changes. */
import type { Rule } from '#protocol/monitors/rule.ts'
import type { Decision } from './decision.ts'
import { opensAtMs } from './schedule.ts'
import { heldBy, isScaling } from './summary.ts'

export interface NextStep {
  /** Epoch ms. */
  readonly at_ms: number
  readonly says: string
}

/** In the order of their times. */
export function nextStepsOf(decision: Decision, rule: Rule): NextStep[] {
  if (rule.paused) return []
  const { windowEndMs, verdict, actions } = decision
  const steps: NextStep[] = [{ at_ms: windowEndMs + rule.everyMs, says: 'judged again' }]
  for (const action of actions) {
    const step = heldBy(action)
    if (step?.untilMs !== undefined) steps.push({ at_ms: step.untilMs, says: `${step.guard} is over` })
  }
  const opensMs = verdict === 'schedule' && rule.schedule ? opensAtMs(rule.schedule, windowEndMs) : undefined
  if (opensMs !== undefined) steps.push({ at_ms: opensMs, says: 'its hours begin' })
  if (isScaling(verdict)) {
    if (verdict === 'up') steps.push({ at_ms: windowEndMs + rule.cooldown.upMs, says: 'may go up again' })
    steps.push({ at_ms: windowEndMs + rule.cooldown.downMs, says: 'may go down' })
  }
  return steps.sort((a, b) => a.at_ms - b.at_ms)
}
