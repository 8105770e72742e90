/** A decision told to others: as the fields of an event, and as metrics. */
import { leavesOf } from './condition.ts'
import type { Decision } from './decision.ts'
import type { ResultSample } from './result-sink.ts'
import { doesSomething } from './summary.ts'

/** Leaves shown in an event; the whole tree is in `explain`. */
const leavesMax = 32
const textLengthMax = 120

/** What an action came to when it was carried out; `failed`: the executor could not, it is tried again at the next window. */
export interface Effect {
  readonly outcome: 'done' | 'repeated' | 'refused' | 'failed'
  readonly reason?: string | undefined
}

/** Fields of the event `rule.decided`. */
export function eventFieldsOf(decision: Decision, effect: Effect | undefined): Record<string, unknown> {
  const acting = decision.actions.find(doesSomething) ?? decision.actions[0]
  return {
    rule: decision.rule,
    decision: decision.verdict,
    reason: short(decision.reason),
    windowEndMs: decision.windowEndMs,
    condition: decision.value,
    ...(acting?.kind === 'scale'
      ? { component: acting.target, from: acting.from, recommended: acting.recommended, to: acting.to }
      : {}),
    ...effect,
    leaves: leavesOf(decision.condition)
      .slice(0, leavesMax)
      .map(({ text, value }) => `${short(text)}: ${value ?? 'unknown'}`),
  }
}

/** `rule.<application>.<rule>`: instances more or fewer that the rule recommends, tagged with what became of it. */
export function metricOf(decision: Decision): ResultSample {
  const acting = decision.actions[0]
  const stands = decision.memory.standing[0]?.recommends
  const isRecommended = stands === 'up' || stands === 'down'
  return {
    name: `rule.${decision.application}.${decision.rule}`,
    tags: { decision: decision.verdict },
    timestampMs: decision.windowEndMs,
    value: isRecommended ? (acting?.recommended ?? 0) - (acting?.from ?? 0) : 0,
  }
}

/** `wanted.<application>.<component>`. */
export function wantedMetric(application: string, component: string, timestampMs: number, value: number): ResultSample {
  return { name: `wanted.${application}.${component}`, tags: {}, timestampMs, value }
}

function short(text: string): string {
  return text.length > textLengthMax ? `${text.slice(0, textLengthMax - 1)}…` : text
}
