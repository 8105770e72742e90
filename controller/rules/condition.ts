/** The condition of a rule with the values of its leaves put in: Kleene logic, unknown staying unknown where it matters. */
import { compare } from '#protocol/aggregation/combine.ts'
import { and, not, or, type Truth, truthOf, xor } from '#protocol/aggregation/truth.ts'
import type { Condition } from '#protocol/monitors/rule.ts'
import type { JudgedCondition, LeafInput, RuleInputs } from './decision.ts'
import { patternText, seesPattern } from './event-pattern.ts'

/** Judges every leaf and branch; pure. */
export function judgeCondition(condition: Condition, inputs: RuleInputs, nowMs: number): JudgedCondition {
  switch (condition.kind) {
    case 'all':
    case 'any':
    case 'xor': {
      const of = condition.of.map((part) => judgeCondition(part, inputs, nowMs))
      return { text: condition.kind, value: branches[condition.kind](of.map(({ value }) => value)), of }
    }
    case 'not': {
      const of = judgeCondition(condition.of, inputs, nowMs)
      return { text: 'not', value: not(of.value), of: [of] }
    }
    case 'monitor':
      return { text: condition.text, ...readLeaf(inputs.leaves.get(condition.monitor), inputs, nowMs) }
    case 'instances':
      return countLeaf(condition, inputs)
    case 'events': {
      const { value, count } = seesPattern(condition.pattern, inputs.events, nowMs)
      const note = value === null ? `seen ${count} times; some may have been missed` : `seen ${count} times`
      return { text: patternText(condition.pattern), value, note }
    }
  }
}

/** Leaves in the order they are written. */
export function leavesOf(condition: JudgedCondition): JudgedCondition[] {
  return condition.of ? condition.of.flatMap(leavesOf) : [condition]
}

const branches: Readonly<Record<'all' | 'any' | 'xor', (of: readonly Truth[]) => Truth>> = { all: and, any: or, xor }

type Read = Omit<JudgedCondition, 'text'>

/** A result of another window than the one there should be by now is as good as none. */
function readLeaf(leaf: LeafInput | undefined, inputs: RuleInputs, nowMs: number): Read {
  if (!leaf) return { value: null, note: 'no monitor of this name' }
  const { reading, everyMs, gaps } = leaf
  const windowEndMs = Math.floor(nowMs / everyMs) * everyMs
  if (!reading || reading.windowEndMs !== windowEndMs) {
    const newest = reading ? `, the newest is of ${timeText(reading.windowEndMs)}` : ''
    return {
      value: null,
      note: `no result for ${timeText(windowEndMs)}${newest}`,
      known: 0,
      expected: wantedOf(leaf, inputs),
    }
  }
  const { value, known, gaps: silent = 0 } = reading
  const expected = Math.max(reading.expected, wantedOf(leaf, inputs))
  const counts = { known, expected }
  if (value === null) return { value: null, note: `${known} of ${expected} inputs known`, ...counts }
  if (value !== 0 && value !== 1) return { value: null, note: `found ${value}, expected 0 or 1`, ...counts }
  const missing = known < expected ? [`${known} of ${expected} inputs known`] : []
  const inPart = silent > 0 ? [`${silent} of ${known} known inputs silent for a part of the window`] : []
  const below = gaps.length > 0 ? [`inputs missing of ${gaps.join(', ')}`] : []
  const note = [...missing, ...inPart, ...below].join('; ')
  return { value: value === 1, ...(note === '' ? {} : { note }), ...counts }
}

/** Inputs there must be at least: one for each instance wanted. */
function wantedOf({ components }: LeafInput, inputs: RuleInputs): number {
  return components.reduce((sum, component) => sum + (inputs.components.get(component)?.wanted ?? 0), 0)
}

function countLeaf(
  { component, with: comparison, limit }: Extract<Condition, { kind: 'instances' }>,
  inputs: RuleInputs,
): JudgedCondition {
  const wanted = inputs.components.get(component)?.wanted
  const text = `instances of ${component} ${comparison} ${limit}`
  if (wanted === undefined) return { text, value: null, note: 'no component of this name' }
  return { text, value: truthOf(compare(comparison, wanted, limit)), note: `${wanted} wanted` }
}

/** A time as reasons show it. */
export function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('.000Z', 'Z')
}
