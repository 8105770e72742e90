/**
 * The `monitors` and `rules` sections of an application file as checked data, all mistakes at once. Pure: YAML is read by the caller, who
 * also knows lines.
 */
import type { ConfigIssue } from '#protocol/runtime/config-issues.ts'
import { idForm, isId } from '#protocol/subjects/token.ts'
import { type MonitorEntry, monitorEntrySchema, monitorsMax, ruleEntrySchema, rulesMax } from './axe-schema.ts'
import { Mistakes } from './mistakes.ts'
import type { ComposedMonitor, Monitor } from './model.ts'
import { inputOrder } from './monitor-order.ts'
import { isMap } from './parse-condition.ts'
import { parseMonitor } from './parse-monitor.ts'
import { parseRule } from './parse-rule.ts'
import type { Rule } from './rule.ts'
import { type Traits, traitsOf } from './traits.ts'

/** The two sections as YAML gave them; absent or null = empty. */
export interface AxeSections {
  readonly monitors?: unknown
  readonly rules?: unknown
}

/** What the sections may refer to. */
export interface AxeSurroundings {
  readonly application: string
  /** Names of the application's components. */
  readonly components: readonly string[]
}

export interface AxeParsed {
  /** Inputs before what takes them; behind those written down, the ones made for leaves of rules (`<rule>-<n>`). */
  readonly monitors: readonly Monitor[]
  readonly rules: readonly Rule[]
  /** Every mistake, with the dotted path of its place: `monitors.cpu-5m.window`. The rest counts only when this is empty. */
  readonly issues: readonly ConfigIssue[]
}

/** Never throws: whatever is wrong becomes an issue. */
export function parseAxe(sections: AxeSections, surroundings: AxeSurroundings): AxeParsed {
  const issues: ConfigIssue[] = []
  const traits = parseMonitors(sections.monitors, surroundings, new Mistakes('monitors', issues))
  const written = [...traits.written]
  const made = new LeafMonitors(written)
  const rules = entriesOf(sections.rules, rulesMax, new Mistakes('rules', issues)).flatMap(([name, value]) => {
    const mistakes = new Mistakes('rules', issues).below(name)
    const entry = mistakes.shape(ruleEntrySchema, value)
    const conditions = {
      components: surroundings.components,
      monitors: traits.whole,
      written,
      add: (leaf: Omit<ComposedMonitor, 'name'>) => made.add(name, leaf),
    }
    const everyOf = (monitor: string): number =>
      (made.get(monitor) ?? traits.whole.get(monitor)?.monitor)?.everyMs ?? Number.POSITIVE_INFINITY
    const rule = entry && parseRule(name, entry, conditions, everyOf, mistakes)
    return rule === undefined ? [] : [rule]
  })
  const monitors = [...[...traits.whole.values()].map(({ monitor }) => monitor), ...made.all]
  if (monitors.length > monitorsMax) {
    new Mistakes('monitors', issues).says(
      '',
      `found ${monitors.length} with those of the rules, expected at most ${monitorsMax}`,
    )
  }
  return { monitors, rules, issues }
}

interface ParsedMonitors {
  /** All names, mistakes or not. */
  readonly written: readonly string[]
  readonly whole: ReadonlyMap<string, Traits>
}

function parseMonitors(section: unknown, { components }: AxeSurroundings, mistakes: Mistakes): ParsedMonitors {
  const listed = entriesOf(section, monitorsMax, mistakes)
  const written = listed.map(([name]) => name)
  const entries = new Map<string, MonitorEntry>()
  for (const [name, value] of listed) {
    const entry = mistakes.below(name).shape(monitorEntrySchema, value)
    if (entry !== undefined) entries.set(name, entry)
  }
  const fromOf = (name: string): readonly string[] => {
    const from = entries.get(name)?.from ?? []
    return typeof from === 'string' ? [from] : from
  }
  const whole = new Map<string, Traits>()
  const { order, cycles } = inputOrder([...entries.keys()], fromOf)
  for (const cycle of cycles) {
    mistakes
      .below(cycle[0] as string)
      .says('from', `found a cycle, ${cycle.join(' → ')}, expected monitors that end in of or value`)
  }
  for (const name of order) {
    const own = new Mistakes(`monitors.${name}`)
    for (const input of fromOf(name).filter((other) => !written.includes(other))) {
      own.unknownName(
        'from',
        'monitor',
        input,
        written.filter((other) => other !== name),
      )
    }
    const inputs = fromOf(name).flatMap((input) => whole.get(input) ?? [])
    const monitor = parseMonitor(name, entries.get(name) as MonitorEntry, { components, inputs }, own)
    mistakes.take(own)
    const isWhole = own.issues.length === 0 && inputs.length === fromOf(name).length
    if (monitor !== undefined && isWhole) whole.set(name, traitsOf(monitor, inputs))
  }
  return { written, whole }
}

function entriesOf(section: unknown, entriesMax: number, mistakes: Mistakes): [string, unknown][] {
  if (section === undefined || section === null) return []
  if (!isMap(section)) {
    mistakes.expected('', 'a map of names', section)
    return []
  }
  const entries = Object.entries(section)
  if (entries.length > entriesMax) {
    mistakes.says('', `found ${entries.length}, expected at most ${entriesMax}`)
    return []
  }
  return entries.filter(([name]) => {
    if (!isId(name)) mistakes.says(name, `found the name ${JSON.stringify(name.slice(0, 80))}, expected ${idForm}`)
    return isId(name)
  })
}

const nameLengthMax = 64

/** Monitors made for leaves: `<rule>-<n>`, the rule's name cut where it is long, a number more where the name is taken. */
class LeafMonitors {
  readonly #taken: Set<string>
  readonly #made = new Map<string, Monitor>()
  readonly #counts = new Map<string, number>()

  constructor(taken: readonly string[]) {
    this.#taken = new Set(taken)
  }

  get all(): Monitor[] {
    return [...this.#made.values()]
  }

  get(name: string): Monitor | undefined {
    return this.#made.get(name)
  }

  add(rule: string, leaf: Omit<ComposedMonitor, 'name'>): string {
    const n = (this.#counts.get(rule) ?? 0) + 1
    this.#counts.set(rule, n)
    for (let more = 1; ; more++) {
      const ending = more === 1 ? `-${n}` : `-${n}-${more}`
      const name = rule.slice(0, nameLengthMax - ending.length) + ending
      if (this.#taken.has(name)) continue
      this.#taken.add(name)
      this.#made.set(name, { name, ...leaf })
      return name
    }
  }
}
