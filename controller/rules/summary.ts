/** A decision in a word and a sentence. */
import type { ActionDecision, Decision, GuardStep, Verdict } from './decision.ts'

/** Of all actions, what changes something speaks first, else the first action's guard. */
export function summaryOf(actions: readonly ActionDecision[]): Pick<Decision, 'verdict' | 'reason'> {
  const acting = actions.find(doesSomething) ?? actions[0]
  if (!acting) return { verdict: 'change', reason: 'no action' }
  if (acting.isRaised) return { verdict: 'raise', reason: `raises ${acting.target}` }
  const step = heldBy(acting)
  if (!step && doesSomething(acting)) {
    const { target, from, to } = acting
    return { verdict: (to ?? 0) > (from ?? 0) ? 'up' : 'down', reason: `${target} from ${from} to ${to}` }
  }
  return { verdict: step?.guard ?? 'change', reason: step?.says ?? `${acting.target} is at ${acting.to} already` }
}

/** Does the action change anything? */
export function doesSomething({ isRaised, from, to }: ActionDecision): boolean {
  return isRaised || (from !== null && to !== null && from !== to)
}

/** The guard that held the action; undefined = none did. */
export function heldBy({ guards }: ActionDecision): GuardStep | undefined {
  return guards.find(({ isHeld }) => isHeld)
}

/** Is it a change of the instance count, of this verdict? */
export function isScaling(verdict: Verdict): verdict is 'up' | 'down' {
  return verdict === 'up' || verdict === 'down'
}
