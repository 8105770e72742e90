/** What applying a file would change: the difference of two applications, nothing else. Pure. */
import type { Component } from '#protocol/application/model.ts'
import type { ApplicationFile } from './application-file.ts'
import { type Difference, differences } from './difference.ts'

export const stepKinds = ['component', 'monitor', 'rule', 'subscription'] as const
/** What can be created, changed or removed by itself. */
export type StepKind = (typeof stepKinds)[number]

export interface Step {
  readonly verb: 'create' | 'change' | 'remove'
  readonly kind: StepKind
  readonly name: string
  /** Of a component that changes: its instances are stopped and started again, as what they run with is another. */
  readonly restarts: boolean
  /** What differs, when it changes: at most `differencesMax`, and how many more. */
  readonly differences: readonly Difference[]
  readonly more: number
}

/** The count wanted of a component, before and after; null = no such component. */
export interface WantedStep {
  readonly component: string
  readonly from: number | null
  readonly to: number | null
}

export interface ApplicationPlan {
  readonly application: string
  /** In the order of the sections, within them as in the file, what is removed last. Empty = nothing to do. */
  readonly steps: readonly Step[]
  /** Counts that change. */
  readonly wanted: readonly WantedStep[]
}

/** Counts wanted by component. */
export type WantedCounts = ReadonlyMap<string, number>

const differencesMax = 50

/** Settings of a component that its running instances do not carry: they hold from the next start, stop or placement on. */
const takenLater =
  /^(?:instances|place|restart|code|startDetector|stopDetector)\b|^service\.(?:graceMs|scripts\.(?:run|interrupt|cleanup|notify))\b|^lifecycle\.(?:preStop|stop|postStop)\b|^requires\.[^.]+\.onChange\b/

/** The way from `before` (undefined = there is none) to `after` (undefined = it is removed), given the counts wanted now. */
export function planOf(
  before: ApplicationFile | undefined,
  after: ApplicationFile | undefined,
  wanted: WantedCounts,
): ApplicationPlan {
  const application = after?.name ?? before?.name ?? ''
  const next = after ? wantedAfter(after.components, wanted) : new Map<string, number>()
  return {
    application,
    steps: [
      ...stepsOf('component', before?.components, after?.components),
      ...stepsOf('monitor', before?.monitors, after?.monitors),
      ...stepsOf('rule', before?.rules, after?.rules),
      ...stepsOf('subscription', before?.subscriptions, after?.subscriptions),
    ],
    wanted: [...new Set([...next.keys(), ...wanted.keys()])].flatMap((component) => {
      const from = wanted.get(component) ?? null
      const to = next.get(component) ?? null
      return from === to ? [] : [{ component, from, to }]
    }),
  }
}

/** Counts after an apply: what was wanted is kept within the new bounds; a new component starts with its initial count. */
export function wantedAfter(components: readonly Component[], wanted: WantedCounts): Map<string, number> {
  return new Map(
    components.map(({ name, instances: { min, initial, max } }) => [
      name,
      Math.min(max, Math.max(min, wanted.get(name) ?? initial)),
    ]),
  )
}

/** True when applying changes nothing. */
export function isNothing({ steps, wanted }: ApplicationPlan): boolean {
  return steps.length === 0 && wanted.length === 0
}

interface Named {
  readonly name: string
}

function stepsOf(kind: StepKind, before: readonly Named[] = [], after: readonly Named[] = []): Step[] {
  const old = new Map(before.map((thing) => [thing.name, thing]))
  const now = new Set(after.map(({ name }) => name))
  return [
    ...after.flatMap((thing) => {
      const was = old.get(thing.name)
      return was ? changed(kind, was, thing) : [plain('create', kind, thing.name)]
    }),
    ...before.filter(({ name }) => !now.has(name)).map(({ name }) => plain('remove', kind, name)),
  ]
}

function plain(verb: 'create' | 'remove', kind: StepKind, name: string): Step {
  return { verb, kind, name, restarts: false, differences: [], more: 0 }
}

function changed(kind: StepKind, before: Named, after: Named): Step[] {
  const found = differences(before, after)
  if (found.length === 0) return []
  const restarts =
    kind === 'component' && found.some(({ path }) => isCarried(path, before as Component, after as Component))
  return [
    {
      verb: 'change',
      kind,
      name: after.name,
      restarts,
      differences: found.slice(0, differencesMax),
      more: Math.max(0, found.length - differencesMax),
    },
  ]
}

/** Whether running instances carry the setting. A requirement that is told of its peers by `onChange` is wired anew without a stop. */
function isCarried(path: string, before: Component, after: Component): boolean {
  if (takenLater.test(path)) return false
  const [section, name] = path.split('.')
  // how long a silence may be is the controller's; that there are members at all is each instance's
  if (section === 'members') return before.members === undefined || after.members === undefined
  if (section !== 'requires') return true
  const isIn = ({ requires }: Component): boolean => requires.some((port) => port.name === name && port.onChange)
  return !(isIn(before) && isIn(after))
}
