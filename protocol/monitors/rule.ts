/** Scaling rules as checked data: what must hold, and what is done then. `controller/rules/` judges them. */
import type { Comparison } from './model.ts'

/** A condition of a rule; leaves are computed as monitors (three values), the rest is Kleene logic. */
export type Condition =
  | { readonly kind: 'all' | 'any' | 'xor'; readonly of: readonly Condition[] }
  | { readonly kind: 'not'; readonly of: Condition }
  /** The values of a monitor compared with a limit and quantified; `monitor` is the name of the monitor made for this leaf. */
  | { readonly kind: 'monitor'; readonly monitor: string; readonly text: string }
  /** The instance count wanted for a component, compared. */
  | { readonly kind: 'instances'; readonly component: string; readonly with: Comparison; readonly limit: number }
  | { readonly kind: 'events'; readonly pattern: EventPattern }

/** Events of these kinds in this order, all within a time, so many times. */
export interface EventPattern {
  /** Kinds of `event.<kind>`, each with fields the event must carry. */
  readonly sequence: readonly {
    readonly kind: string
    readonly where: Readonly<Record<string, string | number | boolean>>
  }[]
  readonly withinMs: number
  /** Times the whole sequence must be seen, without overlap. */
  readonly count: number
}

export type RuleAction =
  | {
      readonly kind: 'scale'
      readonly component: string
      /** Instances more (above 0) or fewer; or, with `to`, the count wanted. */
      readonly by?: number | undefined
      readonly to?: number | undefined
      /** Narrower than the component's own, which always hold. */
      readonly min?: number | undefined
      readonly max?: number | undefined
    }
  /** Raises `event.<event>`. */
  | {
      readonly kind: 'raise'
      readonly event: string
      readonly data: Readonly<Record<string, string | number | boolean>>
    }

export interface Directional {
  readonly upMs: number
  readonly downMs: number
}

/** When a rule is active, in a time zone; absent = always. */
export interface RuleSchedule {
  /** 0 = Sunday. */
  readonly days: readonly number[]
  /** Minutes of the day; `from` > `until` spans midnight. */
  readonly fromMinute: number
  readonly untilMinute: number
  /** IANA name. */
  readonly zone: string
}

export interface Rule {
  readonly name: string
  readonly when: Condition
  readonly then: readonly RuleAction[]
  /** Judged at each multiple of this in epoch time, ms: the smallest `everyMs` of its monitors by default. */
  readonly everyMs: number
  /** After a scaling of the component by any rule, how long none of the direction follows. */
  readonly cooldown: Directional
  /** How long the recommendation must have stood before it is followed. */
  readonly stabilisation: Directional
  /** Relative change of the instance count, percent, that is too small to act on; 0 = every change counts. */
  readonly tolerancePercent: number
  readonly schedule?: RuleSchedule | undefined
  readonly paused: boolean
  /** What an unknown `when` does: nothing; or it is taken for true or false. Instances are never lowered on it. */
  readonly onMissing: 'hold' | 'true' | 'false'
  readonly externalReferences?: Readonly<Record<string, string>> | undefined
}
