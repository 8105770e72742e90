import { evaluateAll } from '#protocol/monitors/evaluate-all.ts'
import { keyOf } from '#protocol/monitors/gather.ts'
import type { MonitorResult } from '#protocol/monitors/model.ts'
import type { ContextPlan } from '#protocol/monitors/plan.ts'
import { type Aggregator, areSameResults, isBetter, type Published } from '#protocol/monitors/published.ts'
import type { WantedOf } from '#protocol/monitors/wanted.ts'
import type { AggregateHost } from './aggregate-host.ts'

/** Everything ever published, and what the stored samples say of it. */
export class AggregateJudge {
  /** By scope's place, monitor and window: all that was published, in order. */
  readonly #published = new Map<string, Published[]>()
  publications = 0
  revisions = 0

  /** @throws Error when one aggregator uses a revision of a window twice, or goes back */
  published(
    place: string,
    by: Aggregator,
    monitor: string,
    endMs: number,
    results: readonly MonitorResult[],
    revision: number,
  ): void {
    this.publications++
    if (revision > 0) this.revisions++
    const key = `${place} ${monitor} ${endMs}`
    const all = this.#published.get(key) ?? []
    this.#published.set(key, all)
    const own = all.filter((each) => each.by.host === by.host && each.by.session === by.session)
    for (const before of own) {
      if (before.revision >= revision) {
        throw new Error(`${key} by ${by.host} has revision ${revision} after ${before.revision}`)
      }
    }
    all.push({ by, results, revision })
  }

  /** What a reader of the recorded results of a monitor gets. */
  recorded(place: string, monitor: string, fromMs: number, untilMs: number, everyMs: number): MonitorResult[] {
    const results: MonitorResult[] = []
    for (let endMs = fromMs; endMs <= untilMs; endMs += everyMs) {
      results.push(...(beliefOf(this.#published.get(`${place} ${monitor} ${endMs}`) ?? [])?.results ?? []))
    }
    return results
  }

  /**
   * Every window of the range, as a reader believes it, says what the stored samples say; and whoever claimed to have all inputs told
   * the truth, at any time.
   * @param canBeJudged monitors whose claims hold for one window by itself: others look back on windows that may be lost
   */
  judge(
    plan: ContextPlan,
    hosts: readonly AggregateHost[],
    range: { fromMs: number; untilMs: number },
    whole: { fromMs: number; untilMs: number },
    canBeJudged: (monitor: string) => boolean,
    wantedOf?: WantedOf,
  ): void {
    const samples = hosts.map(({ cloud, host, samples: series, gone }) => ({ cloud, host, series, instances: gone }))
    const truth = new Map<string, MonitorResult[]>()
    for (const result of evaluateAll(plan, samples, whole, { wantedOf })) {
      const scope = plan.monitors.find(({ monitor }) => monitor.name === result.monitor)?.monitor.scope
      if (scope === 'host') continue
      const { cloud, ...tags } = result.tags
      const place = scope === 'cloud' ? (cloud as string) : ''
      const key = `${place} ${result.monitor} ${result.windowEndMs}`
      truth.set(key, [...(truth.get(key) ?? []), { ...result, tags: scope === 'cloud' ? tags : result.tags }])
    }
    for (const [key, wanted] of truth) {
      const [first] = wanted as [MonitorResult]
      const all = this.#published.get(key) ?? []
      if (canBeJudged(first.monitor)) for (const each of all) checkClaim(key, each, wanted)
      if (first.windowEndMs < range.fromMs || first.windowEndMs > range.untilMs) continue
      const believed = beliefOf(all)
      if (believed === undefined) throw new Error(`${key} was never published`)
      if (!areSameResults(believed.results, wanted)) {
        throw new Error(
          `${key} is ${show(believed.results)} by ${believed.by.host}, should be ${show(wanted)}; published ${all.length} times`,
        )
      }
    }
  }
}

/** Of one aggregator its highest revision, of several the better. */
function beliefOf(all: readonly Published[]): Published | undefined {
  const newest = new Map<string, Published>()
  for (const each of all) newest.set(`${each.by.host} ${each.by.session}`, each)
  return [...newest.values()].reduce<Published | undefined>(
    (best, each) => (best === undefined || isBetter(each, best) ? each : best),
    undefined,
  )
}

function checkClaim(key: string, { results, by }: Published, wanted: readonly MonitorResult[]): void {
  const isFull = results.length > 0 && results.every(({ known, expected }) => known === expected && expected > 0)
  if (!isFull) return
  const of = new Map(wanted.map((result) => [keyOf(result.tags), result]))
  for (const { tags, value, known, expected } of results) {
    const right = of.get(keyOf(tags))
    if (right !== undefined && (right.expected > expected || (right.known === known && right.value === value))) {
      if (right.expected > expected)
        throw new Error(`${key} by ${by.host} claims ${known}/${expected}, there are ${right.expected}`)
      continue
    }
    throw new Error(`${key} by ${by.host} claims all and is ${show(results)}, should be ${show(wanted)}`)
  }
}

function show(results: readonly MonitorResult[]): string {
  return (
    results.map(({ tags, value, known, expected }) => `{${keyOf(tags)}} ${value} ${known}/${expected}`).join(', ') ||
    'nothing'
  )
}
