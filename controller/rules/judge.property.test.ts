import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Rule } from '#protocol/monitors/rule.ts'
import type { ComponentInput, Decision, LeafInput } from './decision.ts'
import { everyMs, leaf, modelInputs, modelRule, startMs } from './model-rule.ts'
import { afterRound, judgeRound, noMemory } from './round.ts'

/** What happens at one window: the value of each leaf, and what is missing of it. */
interface Happening {
  readonly values: readonly (number | null)[]
  readonly missing: readonly number[]
  /** Windows nobody judges before this one. */
  readonly pause: number
}

const leafNames = ['a', 'b', 'c']

const ruleArbitrary: fc.Arbitrary<Partial<Rule>> = fc.record({
  when: fc.constantFrom<Rule['when']>(
    leaf('a'),
    leaf('b'),
    { kind: 'not', of: leaf('a') },
    { kind: 'all', of: [leaf('a'), leaf('b')] },
    { kind: 'any', of: [leaf('b'), leaf('c')] },
    { kind: 'xor', of: [leaf('a'), leaf('c')] },
    { kind: 'all', of: [leaf('c'), { kind: 'instances', component: 'web', with: 'above', limit: 2 }] },
  ),
  then: fc.oneof(
    fc.integer({ min: -5, max: 5 }).map((by): Rule['then'] => [{ kind: 'scale', component: 'web', by }]),
    fc.nat(12).map((to): Rule['then'] => [{ kind: 'scale', component: 'web', to, max: 8 }]),
  ),
  everyMs: fc.constantFrom(everyMs, 2 * everyMs),
  cooldown: fc.record({ upMs: fc.nat(120_000), downMs: fc.nat(300_000) }),
  stabilisation: fc.record({ upMs: fc.nat(60_000), downMs: fc.nat(60_000) }),
  tolerancePercent: fc.constantFrom(0, 10, 50),
  onMissing: fc.constantFrom('hold', 'true', 'false'),
  paused: fc.boolean(),
})

const happeningArbitrary: fc.Arbitrary<Happening> = fc.record({
  values: fc.array(fc.constantFrom(1, 1, 0, null), { minLength: 3, maxLength: 3 }),
  missing: fc.array(fc.constantFrom(0, 0, 0, 1), { minLength: 3, maxLength: 3 }),
  pause: fc.constantFrom(0, 0, 0, 1, 7),
})

interface Story {
  readonly rules: readonly Partial<Rule>[]
  readonly happenings: readonly Happening[]
  readonly web: ComponentInput
}

const storyArbitrary: fc.Arbitrary<Story> = fc.record({
  rules: fc.array(ruleArbitrary, { minLength: 1, maxLength: 4 }),
  happenings: fc.array(happeningArbitrary, { minLength: 1, maxLength: 30 }),
  web: fc.record({ wanted: fc.nat(12), min: fc.nat(3), max: fc.integer({ min: 3, max: 9 }) }),
})

interface Told {
  readonly nowMs: number
  readonly from: number
  readonly to: number
  readonly decisions: readonly Decision[]
  readonly leaves: Readonly<Record<string, LeafInput>>
}

/** Runs the story: every round's decisions done at once. */
function told({ rules, happenings, web }: Story): Told[] {
  const named = rules.map((rule, i) => modelRule({ ...rule, name: `rule-${i}` }))
  const rounds: Told[] = []
  let memory = noMemory
  let wanted = web.wanted
  let nowMs = startMs
  for (const happening of happenings) {
    nowMs += everyMs * (1 + happening.pause)
    const leaves = leavesOf(happening, nowMs)
    const decisions = judgeRound(named, modelInputs({ leaves, web: { ...web, wanted } }, nowMs), memory, nowMs)
    const changes = decisions.flatMap(({ actions }) => actions.filter(({ from, to }) => from !== to))
    expect(changes.length).toBeLessThanOrEqual(1)
    const to = changes[0]?.to ?? wanted
    rounds.push({ nowMs, from: wanted, to, decisions, leaves })
    memory = afterRound(memory, decisions)
    wanted = to
  }
  return rounds
}

function leavesOf({ values, missing }: Happening, nowMs: number): Record<string, LeafInput> {
  return Object.fromEntries(
    leafNames.map((name, i) => {
      const reading = { value: values[i] ?? null, windowEndMs: nowMs, known: 3 - (missing[i] ?? 0), expected: 3 }
      return [name, { reading, everyMs, gaps: [], components: [] }]
    }),
  )
}

const runs = { numRuns: 1000 }

describe('whatever happens', () => {
  it('a count that changes is within its bounds afterwards', () => {
    fc.assert(
      fc.property(storyArbitrary, (story) => {
        for (const { from, to } of told(story)) {
          if (to === from) continue
          expect(to).toBeGreaterThanOrEqual(story.web.min)
          expect(to).toBeLessThanOrEqual(story.web.max)
        }
      }),
      runs,
    )
  })

  it('nothing is lowered while an input of the rule is unknown or missing, nor while a rule that would grow cannot tell', () => {
    fc.assert(
      fc.property(storyArbitrary, (story) => {
        for (const { decisions, from, to } of told(story).filter((one) => one.to < one.from)) {
          expect(to).toBeLessThan(from)
          const lowering = decisions.find(({ verdict }) => verdict === 'down')
          expect(leafTexts(lowering).every(({ value, known, expected }) => value !== null && known === expected)).toBe(
            true,
          )
          expect(
            decisions.some(
              ({ value, actions, verdict }) =>
                value === null && verdict !== 'paused' && actions.some(({ direction }) => direction === 'up'),
            ),
          ).toBe(false)
        }
      }),
      runs,
    )
  })

  it('cooldowns are kept by every rule for every other', () => {
    fc.assert(
      fc.property(storyArbitrary, (story) => {
        let upMs = Number.NEGATIVE_INFINITY
        let anyMs = Number.NEGATIVE_INFINITY
        for (const { nowMs, from, to, decisions } of told(story)) {
          if (to === from) continue
          const acting = decisions.find(({ verdict }) => verdict === 'up' || verdict === 'down')
          const cooldown = story.rules[Number(acting?.rule.slice('rule-'.length))]?.cooldown
          if (to > from) expect(nowMs - upMs).toBeGreaterThanOrEqual(cooldown?.upMs ?? 0)
          else expect(nowMs - anyMs).toBeGreaterThanOrEqual(cooldown?.downMs ?? 0)
          if (to > from) upMs = nowMs
          anyMs = nowMs
        }
      }),
      runs,
    )
  })

  it('failures alone never lower a count: with less known, never fewer instances in that round', () => {
    fc.assert(
      fc.property(storyArbitrary, fc.array(fc.nat(2), { maxLength: 3 }), (story, failed) => {
        const last = story.happenings.length - 1
        const before = told(story).at(-1)
        const happenings = story.happenings.map((one, i) =>
          i === last
            ? { ...one, values: one.values.map((value, leafIndex) => (failed.includes(leafIndex) ? null : value)) }
            : one,
        )
        const after = told({ ...story, happenings }).at(-1)
        if (!before || !after || after.to >= after.from) return
        expect(before.to).toBeLessThanOrEqual(after.to)
      }),
      runs,
    )
  })
})

function leafTexts(decision: Decision | undefined): { value: unknown; known?: unknown; expected?: unknown }[] {
  const flat = (condition: Decision['condition']): Decision['condition'][] =>
    condition.of ? condition.of.flatMap(flat) : condition.known === undefined ? [] : [condition]
  return decision ? flat(decision.condition) : []
}
