import type { InstanceSpec } from './spec.ts'

/** Mandatory ports without enough peers, in words; undefined = none. */
export function missingPeers({ requires }: Pick<InstanceSpec, 'requires'>): string | undefined {
  const missing = requires.filter(({ peers, min }) => peers.length < min)
  if (missing.length === 0) return undefined
  return missing.map(({ name, peers, min }) => `peers of ${name}: found ${peers.length}, expected ${min}`).join('; ')
}
