/** 10,000 rules over 1,000 instances: how long one round takes a controller core. A round is due each period, 10 s at the least. */
import { bench, describe } from 'vitest'
import type { Monitor, MonitorResult } from '#protocol/monitors/model.ts'
import type { Condition, Rule } from '#protocol/monitors/rule.ts'
import { ApplicationRules } from './application-rules.ts'
import { ConditionResults } from './condition-source.ts'
import { leaf, modelRule, startMs } from './model-rule.ts'
import { afterRound, noMemory } from './round.ts'
import type { RuleContext } from './rule-book.ts'

const rulesCount = 10_000
const instances = 1000
const everyMs = 10_000

/** The seed's own example: two leaves over all instances, and their count. */
function seedRule(n: number): Rule {
  const when: Condition = {
    kind: 'all',
    of: [
      leaf(`all-${n}`),
      leaf(`some-${n}`),
      { kind: 'instances', component: 'web', with: 'below', limit: instances + 1 },
    ],
  }
  return modelRule({ name: `rule-${n}`, when, everyMs, cooldown: { upMs: 120_000, downMs: 120_000 } })
}

function leafMonitor(name: string): Monitor {
  const base = { name, scope: 'cross-cloud', everyMs, latenessMs: 5000, coverage: 0, by: [], exact: false } as const
  return { ...base, kind: 'composed', from: [] }
}

/** The rules, spread over so many applications. */
function contextsOf(applications: number): RuleContext[] {
  return Array.from({ length: applications }, (_, a) => {
    const rules = Array.from({ length: rulesCount / applications }, (_unused, n) => seedRule(n))
    const monitors = rules.flatMap((_rule, n) => [leafMonitor(`all-${n}`), leafMonitor(`some-${n}`)])
    const components = new Map([['web', { min: 1, max: instances }]])
    return { application: `app-${a}`, rules, monitors, components }
  })
}

function tell(conditions: ConditionResults, contexts: readonly RuleContext[], windowEndMs: number): void {
  for (const { application, monitors } of contexts) {
    for (const { name } of monitors) {
      const value = windowEndMs % 20_000 === 0 ? 1 : 0
      const result: MonitorResult = {
        application,
        monitor: name,
        tags: {},
        windowEndMs,
        value,
        known: instances,
        expected: instances,
        revision: 0,
      }
      conditions.tell(application, name, windowEndMs, [result])
    }
  }
}

/** Rounds one after the other, each with results of its own. */
function rounds(applications: number, isTold: boolean): () => void {
  const contexts = contextsOf(applications)
  const states = contexts.map((context) => new ApplicationRules(context, new Map(), startMs))
  const memories = contexts.map(() => noMemory)
  const conditions = new ConditionResults()
  let nowMs = startMs
  tell(conditions, contexts, nowMs)
  return () => {
    if (isTold) {
      nowMs += everyMs
      tell(conditions, contexts, nowMs)
    }
    for (const [i, state] of states.entries()) {
      if (isTold) state.isComplete(nowMs, conditions)
      const decisions = state.judge(nowMs, {
        conditions,
        wanted: () => instances / 2,
        scalings: () => memories[i]?.scalings ?? new Map(),
        events: () => ({ recent: [], heardSinceMs: 0 }),
      })
      if (!isTold) continue
      memories[i] = afterRound(memories[i] ?? noMemory, decisions)
      state.remember(memories[i])
    }
  }
}

describe(`${rulesCount} rules over ${instances} instances, one round`, () => {
  bench('judged alone, one application', rounds(1, false), { time: 2000 })
  bench('with results taken and remembered, one application', rounds(1, true), { time: 2000 })
  bench('with results taken and remembered, 1,000 applications', rounds(1000, true), { time: 2000 })
})
