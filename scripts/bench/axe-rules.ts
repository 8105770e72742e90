/** Rules judged a second of one core: the seed's own example 10,000 times, over conditions of 1,000 instances each. */
import { ApplicationRules } from '#controller/rules/application-rules.ts'
import { ConditionResults } from '#controller/rules/condition-source.ts'
import { leaf, modelRule, startMs } from '#controller/rules/model-rule.ts'
import { afterRound, noMemory } from '#controller/rules/round.ts'
import type { RuleContext } from '#controller/rules/rule-book.ts'
import type { Monitor } from '#protocol/monitors/model.ts'
import { printTable, type Row } from './report.ts'

const rulesCount = 10_000
const instances = 1_000
const everyMs = 10_000
const rounds = 5

/** Prints what a round of all rules takes, with all of them in one application and in a thousand. */
export function benchAxeRules(): void {
  printTable(`${rulesCount} rules over ${instances} instances, a round every ${everyMs / 1_000} s`, [
    measure(1),
    measure(1_000),
  ])
}

function measure(applications: number): Row {
  const contexts = contextsOf(applications)
  const conditions = new ConditionResults()
  const states = contexts.map((context) => ({
    state: new ApplicationRules(context, new Map(), startMs),
    memory: noMemory,
  }))
  let decided = 0
  const before = process.cpuUsage()
  for (let round = 1; round <= rounds; round++) {
    const nowMs = startMs + round * everyMs
    for (const context of contexts) tell(conditions, context, nowMs, round % 2)
    for (const each of states) {
      const decisions = each.state.judge(nowMs, {
        conditions,
        wanted: () => instances / 2,
        scalings: () => each.memory.scalings,
        events: () => ({ recent: [], heardSinceMs: 0 }),
      })
      decided += decisions.length
      each.memory = afterRound(each.memory, decisions)
      each.state.remember(each.memory)
    }
  }
  const { user, system } = process.cpuUsage(before)
  const microseconds = user + system
  return {
    applications,
    'rules/s': Math.round((decided * 1e6) / microseconds).toLocaleString('en'),
    'ms a round': (microseconds / rounds / 1_000).toFixed(0),
    '% of a core': ((microseconds / rounds / (everyMs * 1_000)) * 100).toFixed(1),
  }
}

function contextsOf(applications: number): RuleContext[] {
  return Array.from({ length: applications }, (_, a) => {
    const numbers = Array.from({ length: rulesCount / applications }, (_unused, n) => n)
    return {
      application: `app-${a}`,
      rules: numbers.map((n) =>
        modelRule({
          name: `rule-${n}`,
          when: {
            kind: 'all',
            of: [
              leaf(`all-${n}`),
              leaf(`some-${n}`),
              { kind: 'instances', component: 'web', with: 'below', limit: instances + 1 },
            ],
          },
          everyMs,
          cooldown: { upMs: 120_000, downMs: 120_000 },
        }),
      ),
      monitors: numbers.flatMap((n) => [monitorOf(`all-${n}`), monitorOf(`some-${n}`)]),
      components: new Map([['web', { min: 1, max: instances }]]),
    }
  })
}

function monitorOf(name: string): Monitor {
  const base = { name, scope: 'cross-cloud', everyMs, latenessMs: 5_000, coverage: 0, by: [], exact: false } as const
  return { ...base, kind: 'composed', from: [] }
}

function tell(conditions: ConditionResults, context: RuleContext, windowEndMs: number, value: number): void {
  const { application, monitors } = context
  for (const { name } of monitors) {
    const counts = { known: instances, expected: instances, revision: 0 }
    conditions.tell(application, name, windowEndMs, [
      { application, monitor: name, tags: {}, windowEndMs, value, ...counts },
    ])
  }
}
