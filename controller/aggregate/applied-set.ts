import type { KnownHost } from '#controller/presence/presence-service.ts'

/** The set of monitors that a host says it computes; undefined = it has said nothing yet, or knows of no sets. */
export function appliedGeneration({ record, presence }: KnownHost): number | undefined {
  return record.heartbeat?.session === presence.session ? record.heartbeat.generation : undefined
}

/** True for a host that is there and says another set than this one. */
export function isBehind(known: KnownHost, generation: number): boolean {
  const { state } = known.presence
  if (state !== 'online' && state !== 'suspect') return false
  const applied = appliedGeneration(known)
  return applied !== undefined && applied !== generation
}
