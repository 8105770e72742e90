/**
 * Values of several metrics at one time made into one: arithmetic, comparisons, logic. What is unknown makes the result unknown,
 * except where Kleene's logic decides without it; so do a division by zero and an overflow.
 */
import { LanistaError } from '#protocol/errors.ts'
import { type Comparison, comparisons } from '#protocol/monitors/model.ts'
import { and, not, numberOf, or, type Truth, truthOf, xor } from './truth.ts'

/** Combines as many values, in order, as it was parsed for; null = unknown. Never NaN, infinite or −0. */
export type Combine = (values: readonly (number | null)[]) => number | null

interface Entry {
  readonly operandsMin: number
  readonly operandsMax: number
  readonly of: Combine
}

const many = { operandsMin: 2, operandsMax: Number.POSITIVE_INFINITY }

const combines: Readonly<Record<string, Entry>> = {
  add: { ...many, of: arithmetic((a, b) => a + b) },
  subtract: { ...many, of: arithmetic((a, b) => a - b) },
  multiply: { ...many, of: arithmetic((a, b) => a * b) },
  divide: { ...many, of: arithmetic((a, b) => a / b) },
  modulo: { ...many, of: arithmetic((a, b) => a % b) },
  scale: { operandsMin: 2, operandsMax: 2, of: arithmetic((a, b) => a * b) },
  ...Object.fromEntries(comparisons.map((name) => [name, { ...many, of: chain(name) }])),
  and: { ...many, of: logic(and) },
  or: { ...many, of: logic(or) },
  xor: { ...many, of: logic(xor) },
  not: { operandsMin: 1, operandsMax: 1, of: ([value = null]) => numberOf(not(truthOf(value))) },
}

/** Names of the combinations. */
export const combineNames: readonly string[] = Object.keys(combines)

/**
 * The combination of this name for `inputs` values, with a constant as the last operand where `operand` is given: `subtract` of
 * [a, b, c] is a − b − c, `above` of [a, b, c] is a > b and b > c, `scale` of [a] by 1000 is 1000·a.
 * @throws LanistaError COMBINE_INVALID for an unknown name (`data.known`) or a wrong number of operands
 */
export function parseCombine(name: string, inputs: number, operand?: number): Combine {
  const entry = Object.hasOwn(combines, name) ? combines[name] : undefined
  if (entry === undefined) {
    throw new LanistaError(
      'COMBINE_INVALID',
      `combine otherwise: found ${JSON.stringify(name.slice(0, 40))}, expected one of ${combineNames.join(', ')}`,
      { data: { known: combineNames } },
    )
  }
  const operands = inputs + (operand === undefined ? 0 : 1)
  if (operands < entry.operandsMin || operands > entry.operandsMax) throw miscounted(name, entry, inputs, operand)
  return operand === undefined ? entry.of : (values) => entry.of([...values, operand])
}

/** One value compared with a limit: 1, 0, or null when it is unknown. */
export function compare(comparison: Comparison, value: number | null, limit: number): number | null {
  return value === null ? null : holds(comparison, value, limit) ? 1 : 0
}

function miscounted(name: string, entry: Entry, inputs: number, operand: number | undefined): LanistaError {
  const { operandsMin: min, operandsMax: max } = entry
  const expected = max === Number.POSITIVE_INFINITY ? `${min} or more` : `exactly ${max}`
  const constant = operand === undefined ? 'no constant' : 'a constant'
  return new LanistaError(
    'COMBINE_INVALID',
    `give ${name} other operands: found ${inputs} inputs and ${constant}, expected ${expected} in all`,
  )
}

function arithmetic(step: (a: number, b: number) => number): Combine {
  return (values) => {
    let result = values[0] ?? null
    for (let i = 1; i < values.length && result !== null; i++) {
      const next = values[i] ?? null
      result = next === null ? null : known(step(result, next))
    }
    return result
  }
}

function known(value: number): number | null {
  return Number.isFinite(value) ? value + 0 : null
}

/** Each value compared with the one after it; all must hold. */
function chain(comparison: Comparison): Combine {
  return (values) => {
    const links: Truth[] = []
    for (let i = 1; i < values.length; i++) links.push(link(comparison, values[i - 1] ?? null, values[i] ?? null))
    return numberOf(and(links))
  }
}

function link(comparison: Comparison, a: number | null, b: number | null): Truth {
  return a === null || b === null ? null : holds(comparison, a, b)
}

function holds(comparison: Comparison, a: number, b: number): boolean {
  switch (comparison) {
    case 'above':
      return a > b
    case 'below':
      return a < b
    case 'atOrAbove':
      return a >= b
    case 'atOrBelow':
      return a <= b
    case 'equal':
      return a === b
    case 'notEqual':
      return a !== b
  }
}

function logic(decide: (truths: readonly Truth[]) => Truth): Combine {
  return (values) => numberOf(decide(values.map(truthOf)))
}
