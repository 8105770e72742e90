import type { InstanceSpec } from '#protocol/instances/spec.ts'

/** A spec with nothing in it but what a test names. */
export function bareSpec(changes: Partial<InstanceSpec> & Pick<InstanceSpec, 'id' | 'isolation'>): InstanceSpec {
  return {
    application: 'shop',
    component: 'web',
    generation: 1,
    lifecycle: {},
    provides: [],
    requires: [],
    environment: {},
    files: [],
    volumes: [],
    resources: {},
    restart: { on: 'never', backoffMinMs: 100, backoffMaxMs: 1000, restartsMax: 5, windowMs: 60_000 },
    isWanted: true,
    ...changes,
  }
}
