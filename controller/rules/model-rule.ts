/** Rules and their inputs in few words, for tests and benches. */
import type { Condition, Rule } from '#protocol/monitors/rule.ts'
import type { ComponentInput, LeafInput, RuleHistory, RuleInputs } from './decision.ts'
import { localTimes } from './schedule.ts'

/** 2026-11-23 10:00 UTC, a Monday, and a multiple of every period used here. */
export const startMs: number = Date.UTC(2026, 10, 23, 10)
export const everyMs = 15_000

/** Grows `web` by one while the leaf `busy` is true, unless told otherwise. */
export function modelRule(more: Partial<Rule> = {}): Rule {
  return {
    name: 'grow',
    when: leaf('busy'),
    then: [{ kind: 'scale', component: 'web', by: 1 }],
    everyMs,
    cooldown: { upMs: 0, downMs: 0 },
    stabilisation: { upMs: 0, downMs: 0 },
    tolerancePercent: 0,
    paused: false,
    onMissing: 'hold',
    ...more,
  }
}

/** A leaf over the monitor of this name. */
export function leaf(monitor: string): Condition {
  return { kind: 'monitor', monitor, text: monitor }
}

export interface ModelInputs {
  /** 1, 0, null, or a whole input, by leaf. */
  readonly leaves?: Readonly<Record<string, number | null | LeafInput>> | undefined
  /** Wanted count of `web`, 1 to 6 allowed; or all of its figures. */
  readonly web?: number | ComponentInput | undefined
  readonly events?: RuleInputs['events'] | undefined
}

/** Inputs of a window in which every leaf has its result, of two inputs. */
export function modelInputs(
  { leaves = { busy: 1 }, web = 2, events }: ModelInputs,
  nowMs: number = startMs,
): RuleInputs {
  return {
    application: 'shop',
    leaves: new Map(
      Object.entries(leaves).map(([name, given]) => [
        name,
        typeof given === 'object' && given !== null ? given : wholeLeaf(given, nowMs),
      ]),
    ),
    components: new Map([['web', typeof web === 'number' ? { wanted: web, min: 1, max: 6 } : web]]),
    events: events ?? { recent: [], heardSinceMs: 0 },
    localTime: localTimes(nowMs),
  }
}

/** A leaf with its result of the window that ends at `nowMs`, none of its two inputs missing unless the value is. */
export function wholeLeaf(value: number | null, nowMs: number): LeafInput {
  const windowEndMs = Math.floor(nowMs / everyMs) * everyMs
  const known = value === null ? 0 : 2
  return { reading: { value, windowEndMs, known, expected: 2 }, everyMs, gaps: [], components: [] }
}

export const noHistory: RuleHistory = { scalings: new Map() }
