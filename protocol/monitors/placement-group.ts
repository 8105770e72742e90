import type { Expression, PlannedMonitor } from './plan.ts'

/** For each monitor the first name, in order of characters, of those that read each other's results within the cloud. */
export function placementGroups(
  monitors: readonly Omit<PlannedMonitor, 'group'>[],
  expressions: readonly Expression[],
): Map<string, string> {
  const parents = new Map(monitors.map(({ monitor: { name } }) => [name, name]))
  const rootOf = (name: string): string => {
    let root = name
    while (parents.get(root) !== root) root = parents.get(root) as string
    return root
  }
  for (const { monitor, inputs } of monitors) {
    const read = inputs.cloud === undefined ? [] : monitorsRead(inputs.cloud, expressions)
    for (const input of read) {
      const [first, second] = [rootOf(monitor.name), rootOf(input)].sort() as [string, string]
      parents.set(second, first)
    }
  }
  return new Map([...parents.keys()].map((name) => [name, rootOf(name)]))
}

/** Names of the monitors whose results an expression reads. */
export function monitorsRead(index: number, expressions: readonly Expression[]): string[] {
  const expression = expressions[index] as Expression
  switch (expression.kind) {
    case 'series':
    case 'constant':
      return []
    case 'results':
    case 'current':
      return [expression.monitor]
    case 'window':
      return monitorsRead(expression.source, expressions)
    case 'fold':
    case 'compare':
      return monitorsRead(expression.input, expressions)
    case 'combine':
    case 'union':
      return expression.inputs.flatMap((input) => monitorsRead(input, expressions))
  }
}
