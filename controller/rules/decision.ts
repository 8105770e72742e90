/** What a rule is judged from, and what comes of it: plain data, so that a judgement can be shown, stored and repeated. */
import type { Truth } from '#protocol/aggregation/truth.ts'
import type { LocalTime } from './schedule.ts'

/** The result of a leaf's monitor at the end of one window. */
export interface ConditionReading {
  /** 1, 0, or null for unknown; any other number is taken for unknown. */
  readonly value: number | null
  readonly windowEndMs: number
  /** Inputs with a known value, and inputs there should be; of all its groups together. */
  readonly known: number
  readonly expected: number
  /** Of the known ones, those that were silent for a part of their window; absent = none. */
  readonly gaps?: number | undefined
}

/** A leaf over a monitor. */
export interface LeafInput {
  /** The newest result that is not after the window judged; absent = none yet. */
  readonly reading?: ConditionReading | undefined
  /** How often there is a new one, ms. */
  readonly everyMs: number
  /** Monitors it was computed from whose own inputs were not all known. */
  readonly gaps: readonly string[]
  /** Components whose instances are its inputs, one value each: at least their wanted count is expected. */
  readonly components: readonly string[]
}

/** Instances of a component: the count wanted now, and what it may be. */
export interface ComponentInput {
  readonly wanted: number
  readonly min: number
  readonly max: number
}

/** An event as patterns see it. */
export interface RuleEvent {
  readonly kind: string
  /** When the controller heard it. */
  readonly atMs: number
  /** Its data, and `host`, `cloud`, `application` where they are known. */
  readonly fields: Readonly<Record<string, unknown>>
}

export interface EventsInput {
  /** In order of their times. */
  readonly recent: readonly RuleEvent[]
  /** Since when none can have been missed; what was not seen before that is unknown, not false. */
  readonly heardSinceMs: number
}

/** Everything a rule is judged from, apart from the past. */
export interface RuleInputs {
  readonly application: string
  /** By the name of the leaf's monitor. */
  readonly leaves: ReadonlyMap<string, LeafInput>
  readonly components: ReadonlyMap<string, ComponentInput>
  readonly events: EventsInput
  /** The time judged, on the clocks of a zone. */
  readonly localTime: (zone: string) => LocalTime
}

/** What an action would do, apart from all guards. */
export type Direction = 'up' | 'down' | 'none'

/** Since when one action of a rule has been recommended without a break. */
export interface Standing {
  readonly recommends: Direction | 'raise' | 'nothing'
  readonly sinceMs: number
  /** For `raise`: it has been raised already for this stretch. */
  readonly isRaised: boolean
}

/** What is remembered of a rule: when it was judged last, and where each of its actions stood. */
export interface RuleMemory {
  readonly judgedMs: number
  readonly standing: readonly Standing[]
}

/** The last scalings of a component, by any rule. */
export interface ScalingMemory {
  readonly upMs?: number | undefined
  readonly downMs?: number | undefined
}

/** The past, as far as it matters to one rule. */
export interface RuleHistory {
  readonly memory?: RuleMemory | undefined
  readonly scalings: ReadonlyMap<string, ScalingMemory>
}

/** A condition with its value: a leaf, or a branch over others. */
export interface JudgedCondition {
  readonly text: string
  /** Null = unknown. */
  readonly value: Truth
  /** Why it is unknown, or what is missing of it. */
  readonly note?: string | undefined
  /** Inputs known and expected, of a leaf over a monitor. */
  readonly known?: number | undefined
  readonly expected?: number | undefined
  readonly of?: readonly JudgedCondition[] | undefined
}

/** In the order in which they are asked. */
export const guards = [
  'paused',
  'schedule',
  'condition',
  'component',
  'unknown',
  'coverage',
  'tolerance',
  'stabilisation',
  'cooldown',
  'bounds',
  'precedence',
  'change',
] as const
export type Guard = (typeof guards)[number]

/** What one guard said, and the count that was left of the recommendation behind it. */
export interface GuardStep {
  readonly guard: Guard
  readonly isHeld: boolean
  /** The count wanted after it; null where there is no count to speak of. */
  readonly count: number | null
  readonly says: string
  /** When it lets go, if nothing else changes. */
  readonly untilMs?: number | undefined
}

/** What becomes of one action of a rule. */
export interface ActionDecision {
  /** Which of the rule's actions, from 0. */
  readonly index: number
  readonly kind: 'scale' | 'raise'
  /** The component, or the kind of the event. */
  readonly target: string
  readonly direction: Direction
  /** Counts before, as recommended, and behind all guards (`to` = `from`: no change). Null for `raise` and unknown components. */
  readonly from: number | null
  readonly recommended: number | null
  readonly to: number | null
  /** Raised now; of `scale` always false. */
  readonly isRaised: boolean
  readonly guards: readonly GuardStep[]
}

/** What a decision comes to, in a word: `up`, `down` and `raise` change something, the others name the guard that did not let it. */
export type Verdict = 'up' | 'down' | 'raise' | Guard

/** A rule judged at the end of one window. */
export interface Decision {
  /** `<application>.<rule>.<windowEndMs>`: the same window gives the same id, whoever judges it again. */
  readonly id: string
  readonly application: string
  readonly rule: string
  readonly windowEndMs: number
  readonly verdict: Verdict
  /** One sentence. */
  readonly reason: string
  readonly value: Truth
  readonly condition: JudgedCondition
  readonly actions: readonly ActionDecision[]
  /** What is to be remembered of the rule. */
  readonly memory: RuleMemory
}
