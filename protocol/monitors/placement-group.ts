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
    const reads = inputs.cloud === undefined ? [] : monitorsRead(inputs.cloud, expressions)
    for (const { monitor: input } of reads) {
      const [first, second] = [rootOf(monitor.name), rootOf(input)].sort() as [string, string]
      parents.set(second, first)
    }
  }
  return new Map([...parents.keys()].map((name) => [name, rootOf(name)]))
}

/** A monitor whose results are read. */
export interface ResultsRead {
  readonly monitor: string
  /** How far back from the window's end, ms; 0 = of the same window end only. */
  readonly lookBackMs: number
}

/** The monitors whose results an expression reads. */
export function monitorsRead(index: number, expressions: readonly Expression[], lookBackMs = 0): ResultsRead[] {
  const expression = expressions[index] as Expression
  switch (expression.kind) {
    case 'series':
    case 'constant':
      return []
    case 'results':
    case 'current':
      return [{ monitor: expression.monitor, lookBackMs }]
    case 'window':
      return monitorsRead(expression.source, expressions, expression.lookBackMs)
    case 'fold':
    case 'compare':
      return monitorsRead(expression.input, expressions, lookBackMs)
    case 'combine':
    case 'union':
      return expression.inputs.flatMap((input) => monitorsRead(input, expressions, lookBackMs))
  }
}
