/** Monitors with inputs before what takes them, and the cycles that have no such order. */
export interface InputOrder {
  /** Names that are in no cycle and depend on none. */
  readonly order: readonly string[]
  /** Each as a path that ends where it began: `[a, b, a]`. */
  readonly cycles: readonly (readonly string[])[]
}

/** Stable: names keep their order where inputs allow. Inputs that are no names are passed over. */
export function inputOrder(names: readonly string[], inputsOf: (name: string) => readonly string[]): InputOrder {
  const known = new Set(names)
  const state = new Map<string, 'open' | 'done' | 'stuck'>()
  const order: string[] = []
  const cycles: string[][] = []
  const path: string[] = []

  /** False when the name is stuck in or behind a cycle. */
  const visit = (name: string): boolean => {
    const seen = state.get(name)
    if (seen === 'open') cycles.push([...path.slice(path.indexOf(name)), name])
    if (seen !== undefined) return seen === 'done'
    state.set(name, 'open')
    path.push(name)
    const isFree = inputsOf(name)
      .filter((input) => known.has(input))
      .map(visit)
      .every((free) => free)
    path.pop()
    state.set(name, isFree ? 'done' : 'stuck')
    if (isFree) order.push(name)
    return isFree
  }

  for (const name of names) visit(name)
  return { order, cycles }
}
