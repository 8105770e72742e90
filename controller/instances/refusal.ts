/** Who did not take what: remembered while the component stays the same, for a while, as a host's owner may change his mind. Pure. */
import type { Component } from '#protocol/application/model.ts'

/** A host did not take an instance of a component. */
export interface Refusal {
  /** `T.C.H`. */
  readonly host: string
  readonly application: string
  /** As it was then: changed, it may be taken. */
  readonly component: Component
  /** Who was refused, and why. */
  readonly says: string
  /** Not asked again before this, epoch ms. */
  readonly untilMs: number
}

/** What a refusal is kept by: the newest counts. */
export function refusalKey(host: string, application: string, component: string): string {
  return `${host} ${application}/${component}`
}

/** Those that still count. */
export function standingRefusals(
  refusals: ReadonlyMap<string, Refusal>,
  wanted: readonly { readonly application: string; readonly component: Component }[],
  nowMs: number,
): Map<string, Refusal> {
  const now = new Map(wanted.map(({ application, component }) => [`${application}/${component.name}`, component]))
  const counts = ({ application, component, untilMs }: Refusal): boolean =>
    nowMs < untilMs && isSame(now.get(`${application}/${component.name}`), component)
  return new Map([...refusals].filter(([, refusal]) => counts(refusal)))
}

function isSame(a: Component | undefined, b: Component): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}
