/**
 * One application as it stands, and the three ways it becomes another: applied, removed, scaled. Pure: each gives what stands afterwards and
 * the rows that make it so, or refuses.
 */
import type { RegistryChange } from '#controller/registry/registry-store.ts'
import { LanistaError } from '#protocol/errors.ts'
import type { ApplicationFile } from './application-file.ts'
import { generationChange, unwantedChange, type VersionRow, versionKey, wantedChange } from './application-rows.ts'
import { type ApplicationPlan, isNothing, planOf, type WantedCounts } from './plan.ts'

/** An application in force. */
export interface AppliedApplication extends VersionRow {
  readonly tenant: string
  readonly name: string
  /** What the text means, the same object until it means something else; absent = this lanista cannot read it any more, `problem` says why. */
  readonly file?: ApplicationFile | undefined
  readonly problem?: string | undefined
  readonly wanted: WantedCounts
  /** Versions that can be had again, oldest first; the last one is in force. */
  readonly versions: readonly VersionRow[]
}

/** What is in force before a change. */
export interface Standing {
  readonly tenant: string
  readonly name: string
  /** Undefined = there is no such application. */
  readonly before: AppliedApplication | undefined
  /** Of the tenant's set. */
  readonly generation: number
}

export interface Transition {
  /** Undefined = removed. */
  readonly after: AppliedApplication | undefined
  readonly plan: ApplicationPlan
  /** False = what is in force stays, but perhaps for the words of its file. */
  readonly isChanged: boolean
  /** Of the tenant's set afterwards. */
  readonly generation: number
  /** To be written all at once; none = nothing to do. */
  readonly rows: readonly RegistryChange[]
}

/** Versions kept of each application, the one in force included. */
const versionsMax = 10

/** What applying `text`, which means `file`, comes to. */
export function applied(standing: Standing, text: string, file: ApplicationFile, nowMs: number): Transition {
  const { tenant, name, before } = standing
  const plan = planOf(before?.file, file, before?.wanted ?? new Map())
  const isChanged = before?.file === undefined || !isNothing(plan)
  if (!isChanged && before.text === text) {
    return { after: before, plan, isChanged, generation: standing.generation, rows: [] }
  }
  const generation = isChanged ? standing.generation + 1 : standing.generation
  const row = isChanged
    ? { generation, appliedAtMs: nowMs, text }
    : { generation: before.generation, appliedAtMs: before.appliedAtMs, text }
  const meant = isChanged ? file : before.file
  const older = (before?.versions ?? []).filter((version) => version.generation !== row.generation)
  const dropped = older.slice(0, Math.max(0, older.length + 1 - versionsMax))
  const versions = [...older.slice(dropped.length), row]
  return {
    after: { tenant, name, ...row, file: meant, wanted: wantedBy(plan, before?.wanted), versions },
    plan,
    isChanged,
    generation,
    rows: [
      { key: versionKey(tenant, name, row.generation), value: row },
      ...dropped.map(({ generation }) => versionGone(standing, generation)),
      ...wantedRows(standing, plan),
      generationChange(tenant, generation),
    ],
  }
}

/** What taking it away comes to: nothing of it is left. Throws NOT_FOUND. */
export function removed(standing: Standing): Transition {
  const { tenant, before } = standing
  if (!before) throw notFound(standing.name, [])
  const plan = removalOf(before)
  const generation = standing.generation + 1
  return {
    after: undefined,
    plan,
    isChanged: true,
    generation,
    rows: [
      ...before.versions.map((version) => versionGone(standing, version.generation)),
      ...wantedRows(standing, plan),
      generationChange(tenant, generation),
    ],
  }
}

/** What would be gone with it. */
export function removalOf({ name, file, wanted }: AppliedApplication): ApplicationPlan {
  return { ...planOf(file, undefined, wanted), application: name }
}

/** What another count of a component comes to; `because` are rows that are written with it. Throws NOT_FOUND, COUNT_CHANGED, COUNT_OUT_OF_BOUNDS. */
export function scaled(
  { tenant, name, before, generation }: Standing,
  component: string,
  { from: expected, to }: { readonly from?: number | undefined; readonly to: number },
  because: readonly RegistryChange[],
): Transition & { readonly from: number } {
  const bounds = before?.file?.components.find((one) => one.name === component)?.instances
  const from = before?.wanted.get(component)
  if (!before || !bounds || from === undefined)
    throw notFound(`${name}/${component}`, [...(before?.wanted.keys() ?? [])])
  if (expected !== undefined && expected !== from) throw countChanged(component, from, expected)
  if (!Number.isInteger(to) || to < bounds.min || to > bounds.max) throw outOfBounds(component, to, bounds)
  const plan = { application: name, steps: [], wanted: from === to ? [] : [{ component, from, to }] }
  return {
    after: { ...before, wanted: wantedBy(plan, before.wanted) },
    from,
    plan,
    isChanged: from !== to,
    generation,
    rows: [wantedChange(tenant, name, component, to), ...because],
  }
}

/** Throws APPLICATION_CHANGED where another generation is in force than `expected`; 0 = none, undefined = any. */
export function refuseChanged({ name, before }: Standing, expected: number | undefined): void {
  const found = before?.generation ?? 0
  if (expected === undefined || expected === found) return
  throw new LanistaError(
    'APPLICATION_CHANGED',
    `plan ${name} again: found generation ${found} in force, expected ${expected} as when it was planned`,
    { data: { found, expected } },
  )
}

/** NOT_FOUND with the names there are. */
export function notFound(name: string, known: readonly string[]): LanistaError {
  const expected = known.length > 0 ? `one of ${known.join(', ')}` : 'one that was applied'
  return new LanistaError('NOT_FOUND', `name another: found no ${name}, expected ${expected}`, { data: { known } })
}

function countChanged(component: string, found: number, expected: number): LanistaError {
  return new LanistaError(
    'COUNT_CHANGED',
    `decide again on ${component}: found ${found} wanted, expected ${expected}`,
    { data: { found, expected } },
  )
}

function outOfBounds(component: string, to: number, { min, max }: { min: number; max: number }): LanistaError {
  return new LanistaError(
    'COUNT_OUT_OF_BOUNDS',
    `want another count of ${component}: found ${to}, expected ${min} to ${max}`,
    { data: { min, max, to } },
  )
}

function wantedBy({ wanted }: ApplicationPlan, before: WantedCounts = new Map()): WantedCounts {
  const after = new Map(before)
  for (const { component, to } of wanted) {
    if (to === null) after.delete(component)
    else after.set(component, to)
  }
  return after
}

function wantedRows({ tenant, name }: Standing, { wanted }: ApplicationPlan): RegistryChange[] {
  return wanted.map(({ component, to }) =>
    to === null ? unwantedChange(tenant, name, component) : wantedChange(tenant, name, component, to),
  )
}

function versionGone({ tenant, name }: Standing, generation: number): RegistryChange {
  return { key: versionKey(tenant, name, generation), remove: true }
}
