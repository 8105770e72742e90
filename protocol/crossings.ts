/**
 * What crosses the border of a cloud, made from the table of permissions: whatever one side may say and the other may hear,
 * and nothing else. So `ring.>`, `partial.>` and answers between peers stay inside by construction, whoever listens outside.
 */
import { everyTenant, type Permissions, permissionsOf, permissionsOfCloud } from './permissions.ts'
import { intersectPatterns, isInside } from './subjects/pattern.ts'

/** Patterns in NATS form, none inside another of the same list; no subject is in both lists (a NATS server would see a cycle). */
export interface Crossings {
  /** From the cloud to the controller and the operators. */
  readonly up: readonly string[]
  /** From the controller and the operators to the cloud. */
  readonly down: readonly string[]
}

/** Of one cloud, all tenants. Throws TOKEN_INVALID for a cloud that a person may not choose. */
export function crossingsOf(cloud: string): Crossings {
  const inside = permissionsOfCloud(cloud)
  const outside = everybodyAtHome()
  return {
    up: saidAndHeard(inside.publish, outside.subscribe),
    down: saidAndHeard(outside.publish, inside.subscribe),
  }
}

function everybodyAtHome(): Permissions {
  const controller = permissionsOf({ kind: 'controller' })
  const operator = permissionsOf({ kind: 'operator', tenant: everyTenant })
  return {
    publish: [...controller.publish, ...operator.publish],
    subscribe: [...controller.subscribe, ...operator.subscribe],
  }
}

/** The patterns common to both lists, without those that lie inside another. */
function saidAndHeard(said: readonly string[], heard: readonly string[]): string[] {
  const common = new Set(said.flatMap((one) => heard.flatMap((other) => intersectPatterns(one, other) ?? [])))
  return [...common].filter((pattern) => ![...common].some((outer) => outer !== pattern && isInside(outer, pattern)))
}
