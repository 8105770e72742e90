import { compileGlob } from '#protocol/metrics/glob.ts'
import { type Address, hostIdOf } from '#protocol/subjects/subject.ts'
import type { Owned } from './subscription-rows.ts'

/**
 * Selectors of the series that a host must send for these subscriptions, sorted, each once. Results of the scope cross-cloud are made
 * here; those of a cloud may be recorded by any of its agents.
 */
export function uplinkOf(host: Address, subscriptions: Iterable<Owned>): string[] {
  const selectors = new Set<string>()
  for (const { tenant, subscription } of subscriptions) {
    const { match, scope } = subscription
    if (tenant !== host.tenant || scope === 'cross-cloud' || !concerns(subscription, host)) continue
    for (const selector of match) selectors.add(selector)
  }
  return [...selectors].sort()
}

function concerns({ cloud, host: glob }: Owned['subscription'], host: Address): boolean {
  if (cloud !== undefined && !compileGlob(cloud)(host.cloud)) return false
  return glob === undefined || compileGlob(glob)(glob.includes('.') ? hostIdOf(host) : host.host)
}
