/** What has to be known of a leaf besides its results: how often there is one, and what it is computed from. */
import type { Monitor } from '#protocol/monitors/model.ts'
import type { Condition, Rule } from '#protocol/monitors/rule.ts'

export interface LeafFacts {
  readonly everyMs: number
  /** The longest lateness of the monitor and all it is computed from, ms. */
  readonly latenessMs: number
  /** Monitors it is computed from, at any depth. */
  readonly upstream: readonly string[]
  /** Components of which each instance is an input of its own. */
  readonly components: readonly string[]
}

/** Names of the monitors that a condition reads. */
export function leafMonitors(condition: Condition): string[] {
  switch (condition.kind) {
    case 'all':
    case 'any':
    case 'xor':
      return condition.of.flatMap(leafMonitors)
    case 'not':
      return leafMonitors(condition.of)
    case 'monitor':
      return [condition.monitor]
    case 'instances':
    case 'events':
      return []
  }
}

/** Facts of every monitor that a rule reads, by name; those that there is no monitor for are left out. */
export function leafFactsOf(rules: readonly Rule[], monitors: readonly Monitor[]): ReadonlyMap<string, LeafFacts> {
  const byName = new Map(monitors.map((monitor) => [monitor.name, monitor]))
  const names = new Set(rules.flatMap(({ when }) => leafMonitors(when)))
  return new Map(
    [...names].flatMap((name) => {
      const monitor = byName.get(name)
      return monitor ? [[name, factsOf(monitor, byName)] as const] : []
    }),
  )
}

function factsOf(monitor: Monitor, byName: ReadonlyMap<string, Monitor>): LeafFacts {
  const upstream = upstreamOf(monitor, byName)
  return {
    everyMs: monitor.everyMs,
    latenessMs: Math.max(monitor.latenessMs, ...upstream.map(({ latenessMs }) => latenessMs)),
    upstream: upstream.map(({ name }) => name),
    components: monitor.kind === 'composed' ? monitor.from.flatMap((name) => instancesOf(byName.get(name))) : [],
  }
}

function upstreamOf(monitor: Monitor, byName: ReadonlyMap<string, Monitor>): Monitor[] {
  const seen = new Set<Monitor>()
  const visit = (one: Monitor): void => {
    for (const name of one.kind === 'composed' ? one.from : []) {
      const input = byName.get(name)
      if (!input || seen.has(input)) continue
      seen.add(input)
      visit(input)
    }
  }
  visit(monitor)
  return [...seen]
}

/** The component of a monitor that has one value for each of its instances: raw, on the hosts, not reduced. */
function instancesOf(monitor: Monitor | undefined): string[] {
  if (monitor?.kind !== 'raw' || monitor.scope !== 'host') return []
  const isReduced = monitor.reduce !== undefined || monitor.quantifier !== undefined
  const { component, instance, cloud, host } = monitor.filter
  const isWhole = instance === undefined && cloud === undefined && host === undefined
  return component !== undefined && isWhole && !isReduced ? [component] : []
}

/** The monitors that rules read, and those they are computed from. */
export function neededMonitors(rules: readonly Rule[], monitors: readonly Monitor[]): Monitor[] {
  const facts = leafFactsOf(rules, monitors)
  const needed = new Set([...facts].flatMap(([name, { upstream }]) => [name, ...upstream]))
  return monitors.filter(({ name }) => needed.has(name))
}
