import { coverageOfGroup, emptyPartial, type GroupPartial, withMissing } from './gather.ts'
import type { PlannedMonitor } from './plan.ts'

/** Instances a component should have at a time; undefined when nobody has said. */
export type WantedOf = (application: string, component: string, atMs: number) => number | undefined

/**
 * At least as many inputs as the component should have instances, where results are not told apart by anything else. Results of clouds that
 * are inputs stand for many: of them, what they were made of.
 */
export function expectWanted(
  application: string,
  planned: PlannedMonitor,
  groups: readonly GroupPartial[],
  windowEndMs: number,
  wantedOf: WantedOf | undefined,
): readonly GroupPartial[] {
  const { monitor, component } = planned
  if (wantedOf === undefined || component === undefined || monitor.kind === 'constant') return groups
  if (monitor.by.some((tag) => tag !== 'application' && tag !== 'component')) return groups
  const wanted = wantedOf(application, component, windowEndMs) ?? 0
  if (groups.length === 0 && wanted > 0 && monitor.by.length === 0) {
    return [{ tags: {}, partial: emptyPartial(planned), expected: wanted }]
  }
  if (planned.inputs.host !== undefined) {
    return groups.map((group) => ({ ...group, expected: Math.max(group.expected, wanted) }))
  }
  return groups.map((group) => withMissing(group, 0, Math.max(0, wanted - coverageOfGroup(group).expected)))
}
