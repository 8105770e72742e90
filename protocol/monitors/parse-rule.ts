/** One entry below `rules:` as a Rule. */
import { isId } from '#protocol/subjects/token.ts'
import { type DirectionalEntry, type RuleEntry } from './axe-schema.ts'
import type { Mistakes } from './mistakes.ts'
import { type ConditionSurroundings, isMap, isPlain, parseCondition, refuseOthers } from './parse-condition.ts'
import { parseSchedule } from './parse-schedule.ts'
import type { Condition, Directional, Rule, RuleAction } from './rule.ts'

const secondMs = 1_000
const dayMs = 86_400_000
const everyMsDefault = 15_000
const cooldownMsDefault = 60_000

/**
 * The rule; undefined when it has mistakes.
 * @param everyOf the `everyMs` of a monitor, those made for the leaves included
 */
export function parseRule(
  name: string,
  entry: RuleEntry,
  surroundings: ConditionSurroundings,
  everyOf: (monitor: string) => number,
  mistakes: Mistakes,
): Rule | undefined {
  const when = parseCondition(entry.when, surroundings, mistakes.below('when'))
  const listed = Array.isArray(entry.then) ? (entry.then as readonly unknown[]) : [entry.then]
  const actions = listed.map((action, i) => {
    return parseAction(
      action,
      surroundings.components,
      Array.isArray(entry.then) ? mistakes.below('then').below(i) : mistakes.below('then'),
    )
  })
  const fastest = when && Math.min(...monitorsOf(when).map(everyOf))
  const everyMs = fastest !== undefined && Number.isFinite(fastest) ? fastest : everyMsDefault
  const schedule = entry.schedule && parseSchedule(entry.schedule, mistakes.below('schedule'))
  const rest = {
    name,
    everyMs: mistakes.duration('every', entry.every, everyMs, secondMs, dayMs),
    cooldown: directional('cooldown', entry.cooldown, cooldownMsDefault, mistakes),
    stabilisation: directional('stabilisation', entry.stabilisation, 0, mistakes),
    tolerancePercent: mistakes.percent('tolerance', entry.tolerance, 0),
    paused: entry.paused ?? false,
    onMissing: onMissingOf(entry.onMissing),
    ...(schedule === undefined ? {} : { schedule }),
    ...(entry.externalReferences === undefined ? {} : { externalReferences: entry.externalReferences }),
  }
  if (when === undefined || !actions.every((action) => action !== undefined)) return undefined
  return { ...rest, when, then: actions }
}

/** The monitors whose results a condition reads, in order. */
export function monitorsOf(condition: Condition): string[] {
  switch (condition.kind) {
    case 'all':
    case 'any':
    case 'xor':
      return condition.of.flatMap(monitorsOf)
    case 'not':
      return monitorsOf(condition.of)
    case 'monitor':
      return [condition.monitor]
    case 'instances':
    case 'events':
      return []
  }
}

function onMissingOf(text: RuleEntry['onMissing']): Rule['onMissing'] {
  return text === undefined || text === 'hold' ? 'hold' : String(text) === 'true' ? 'true' : 'false'
}

function directional(key: string, entry: DirectionalEntry | undefined, ms: number, mistakes: Mistakes): Directional {
  if (typeof entry !== 'object') {
    const both = mistakes.duration(key, entry, ms, 0, 7 * dayMs)
    return { upMs: both, downMs: both }
  }
  const inside = mistakes.below(key)
  return {
    upMs: inside.duration('up', entry.up, ms, 0, 7 * dayMs),
    downMs: inside.duration('down', entry.down, ms, 0, 7 * dayMs),
  }
}

function parseAction(entry: unknown, components: readonly string[], mistakes: Mistakes): RuleAction | undefined {
  if (isMap(entry) && entry['raise'] !== undefined) return parseRaise(entry, mistakes)
  if (isMap(entry) && entry['scale'] !== undefined) return parseScale(entry, components, mistakes)
  mistakes.expected('', '{scale: COMPONENT, by: 1} or {raise: KIND}', entry)
  return undefined
}

function parseRaise(entry: Readonly<Record<string, unknown>>, mistakes: Mistakes): RuleAction | undefined {
  refuseOthers(entry, ['raise', 'data'], mistakes)
  const { raise, data = {} } = entry
  if (typeof raise !== 'string' || !raise.split('.').every(isId))
    mistakes.expected('raise', 'the kind of an event', raise)
  else if (!isMap(data) || !Object.values(data).every(isPlain)) {
    mistakes.expected('data', 'fields with texts, numbers or true and false', data)
  } else return { kind: 'raise', event: raise, data: data as Record<string, string | number | boolean> }
  return undefined
}

const countMax = 100_000

function parseScale(
  entry: Readonly<Record<string, unknown>>,
  components: readonly string[],
  mistakes: Mistakes,
): RuleAction | undefined {
  refuseOthers(entry, ['scale', 'by', 'to', 'min', 'max'], mistakes)
  const component = entry['scale']
  const isKnown = typeof component === 'string' && components.includes(component)
  if (!isKnown) {
    if (typeof component === 'string') mistakes.unknownName('scale', 'component', component, components)
    else mistakes.expected('scale', 'the name of a component', component)
  }
  const by = count('by', entry, -countMax, mistakes)
  const to = count('to', entry, 0, mistakes)
  const min = count('min', entry, 0, mistakes)
  const max = count('max', entry, 0, mistakes)
  if (entry['by'] === 0) mistakes.expected('by', 'instances more or, below 0, fewer', 0)
  if ((entry['by'] === undefined) === (entry['to'] === undefined)) {
    mistakes.says('', 'found by and to both or neither, expected one: by how many instances, or to how many')
  }
  if (min !== undefined && max !== undefined && min > max)
    mistakes.says('min', `found ${min}, expected at most max, ${max}`)
  if (!isKnown) return undefined
  return {
    kind: 'scale',
    component,
    ...(by === undefined ? {} : { by }),
    ...(to === undefined ? {} : { to }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  }
}

function count(
  key: string,
  entry: Readonly<Record<string, unknown>>,
  from: number,
  mistakes: Mistakes,
): number | undefined {
  const found = entry[key]
  if (found === undefined) return undefined
  if (Number.isSafeInteger(found) && (found as number) >= from && (found as number) <= countMax) return found as number
  mistakes.expected(key, `a whole number of ${from} to ${countMax}`, found)
  return undefined
}
