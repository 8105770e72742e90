/**
 * What the rules of one application want of the same component, made one: the highest count wins, so up wins against down, and the
 * largest up against a smaller one. Nothing is lowered while another rule of the component wants more of it, held back or not, or
 * cannot tell whether it does: what failed must not lower a count by silencing the rule that would have spoken against it.
 */
import type { ActionDecision, Decision, GuardStep } from './decision.ts'
import { doesSomething, summaryOf } from './summary.ts'

/**
 * @param decisions of this round
 * @param standing the last decisions of the application's other rules that are still in force: judged less than a period ago
 * @returns the decisions of this round, what lost held by `precedence`
 */
export function settle(decisions: readonly Decision[], standing: readonly Decision[]): Decision[] {
  const bids = decisions.flatMap((decision) => decision.actions.map((action) => ({ decision, action })))
  const vetoes = vetoesOf([...decisions, ...standing])
  const winners = new Map<string, { readonly decision: Decision; readonly action: ActionDecision }>()
  for (const bid of bids.filter(({ action }) => action.kind === 'scale' && doesSomething(action))) {
    const best = winners.get(bid.action.target)
    if (!best || wins(bid, best)) winners.set(bid.action.target, bid)
  }
  return decisions.map((decision) => {
    const actions = decision.actions.map((action): ActionDecision => {
      if (action.kind !== 'scale' || !doesSomething(action)) return action
      const winner = winners.get(action.target)
      const veto = isDown(action) ? vetoes.get(action.target)?.find(({ rule }) => rule !== decision.rule) : undefined
      if (veto) return held(action, `never lowered while the rule ${veto.rule} ${veto.says}`)
      if (winner?.action === action) return { ...action, guards: [...action.guards, passed(action)] }
      return held(action, `the rule ${winner?.decision.rule} makes it ${winner?.action.to}`)
    })
    return actions.every((action, i) => action === decision.actions[i])
      ? decision
      : { ...decision, actions, ...summaryOf(actions) }
  })
}

type Bid = { readonly decision: Decision; readonly action: ActionDecision }

/** The higher count; of equal ones the rule whose name comes first. */
function wins(bid: Bid, best: Bid): boolean {
  const [mine, other] = [bid.action.to ?? 0, best.action.to ?? 0]
  return mine > other || (mine === other && bid.decision.rule < best.decision.rule)
}

interface Veto {
  readonly rule: string
  readonly says: string
}

/** By component, the rules against lowering it. A paused rule, or one outside its hours, is against nothing. */
function vetoesOf(decisions: readonly Decision[]): ReadonlyMap<string, readonly Veto[]> {
  const vetoes = new Map<string, Veto[]>()
  for (const { rule, value, actions } of decisions) {
    if (value === false) continue
    for (const action of actions) {
      const isSilent = action.guards.some(({ guard, isHeld }) => isHeld && (guard === 'paused' || guard === 'schedule'))
      if (action.kind !== 'scale' || action.direction !== 'up' || isSilent) continue
      const against = vetoes.get(action.target) ?? []
      against.push({ rule, says: value === null ? 'cannot tell whether it wants more' : 'wants more' })
      vetoes.set(action.target, against)
    }
  }
  return vetoes
}

function isDown({ from, to }: ActionDecision): boolean {
  return from !== null && to !== null && to < from
}

function passed({ to }: ActionDecision): GuardStep {
  return { guard: 'precedence', isHeld: false, count: to, says: 'no rule wants more' }
}

function held(action: ActionDecision, says: string): ActionDecision {
  const step: GuardStep = { guard: 'precedence', isHeld: true, count: action.from, says }
  return { ...action, to: action.from, guards: [...action.guards, step] }
}
