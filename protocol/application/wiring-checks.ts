/** What must hold between components: what they require is provided, and all can start. */
import { type ConfigIssue, nearestOf } from '#protocol/runtime/config-issues.ts'
import { showValue } from '#protocol/schema-words.ts'
import { issueAt } from './forms.ts'
import type { Component, Requirement } from './model.ts'

/**
 * Every mistake between components. `known` are the names of all components of the file: those with mistakes of their own are no
 * component here, and what is required of them is not judged.
 */
export function wiringIssues(components: readonly Component[], known: readonly string[]): ConfigIssue[] {
  const byName = new Map(components.map((component) => [component.name, component]))
  return [
    ...components.flatMap((component) =>
      component.requires.flatMap((port) => requirementIssues(component, port, byName, known)),
    ),
    ...components.flatMap((component) => strangers(component, known)),
    ...cycles(components),
  ]
}

function requirementIssues(
  { name }: Component,
  { name: port, from, min }: Requirement,
  byName: ReadonlyMap<string, Component>,
  known: readonly string[],
): ConfigIssue[] {
  const path = ['components', name, 'requires', port]
  const found = showValue(`${from.component}.${from.port}`)
  if (!known.includes(from.component))
    return [issueAt([...path, 'from'], `a port of ${nearestOf(from.component, known)}`, found)]
  const provider = byName.get(from.component)
  if (!provider) return []
  const ports = provider.provides.map(({ name }) => name)
  if (!ports.includes(from.port)) {
    const expected =
      ports.length > 0 ? `${from.component}.${nearestOf(from.port, ports)}` : `${from.component} to provide it`
    return [issueAt([...path, 'from'], expected, found)]
  }
  if (min <= provider.instances.max) return []
  const expected = `at most ${provider.instances.max}, the most instances ${from.component} has`
  return [issueAt([...path, 'min'], expected, `${min}`)]
}

function strangers({ name, place }: Component, known: readonly string[]): ConfigIssue[] {
  return place.antiAffinity.flatMap((other, i) =>
    known.includes(other)
      ? []
      : [issueAt(['components', name, 'place', 'antiAffinity', i], nearestOf(other, known), showValue(other))],
  )
}

/** Components that wait for each other before they start would wait for ever. Each cycle is told once, at its first component. */
function cycles(components: readonly Component[]): ConfigIssue[] {
  const byName = new Map(components.map((component) => [component.name, component]))
  const done = new Set<string>()
  const issues: ConfigIssue[] = []
  const visit = (name: string, trail: readonly string[]): void => {
    const start = trail.indexOf(name)
    if (start >= 0) {
      issues.push(cycleIssue(trail.slice(start), byName))
      return
    }
    if (done.has(name)) return
    for (const { from, min } of byName.get(name)?.requires ?? []) if (min > 0) visit(from.component, [...trail, name])
    done.add(name)
  }
  for (const { name } of components) visit(name, [])
  return issues
}

function cycleIssue(cycle: readonly string[], byName: ReadonlyMap<string, Component>): ConfigIssue {
  const [first = '', second = first] = cycle
  const port = byName.get(first)?.requires.find(({ from, min }) => min > 0 && from.component === second)
  return issueAt(
    ['components', first, 'requires', port?.name ?? ''],
    'min: 0 (mandatory: false) somewhere in the circle: each waits for the next before it starts',
    [...cycle, first].join(' -> '),
  )
}
