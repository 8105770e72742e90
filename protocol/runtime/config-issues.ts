/** What is wrong with a configuration, in words: action, found, expected, and where. */
import type * as z from 'zod/mini'
import { LanistaError } from '#protocol/errors.ts'
import { dotted, expectedOf, showValue } from '#protocol/schema-words.ts'
import { keysAt } from './config-schema.ts'

/** One mistake. */
export interface ConfigIssue {
  /** Dotted path of the setting, empty for the whole. */
  readonly path: string
  readonly expected: string
  /** What a rule of its own says, in its own words; takes the place of expected and found in the text. */
  readonly says?: string | undefined
  /** The value as JSON, shortened; `nothing` when it is absent. */
  readonly found: string
  /** Where the value came from: a file's name, an environment variable, a flag. */
  readonly origin: string
}

/** CONFIG_INVALID with every issue, one a line. */
export function invalidConfig(issues: readonly ConfigIssue[]): LanistaError {
  const lines = issues.map(({ path, expected, says, found, origin }) => {
    const mistake = says ?? `expected ${expected}, found ${found}`
    return `${path === '' ? '' : `${path}: `}${mistake}${origin === '' ? '' : ` (${origin})`}`
  })
  return new LanistaError('CONFIG_INVALID', `correct the configuration: ${lines.join('\n')}`, { data: { issues } })
}

/** All issues of a failed check. `valueAt` and `originOf` tell what stood at a path and who put it there. */
export function issuesOf(
  schema: z.core.$ZodType,
  issues: readonly z.core.$ZodIssue[],
  valueAt: (path: readonly PropertyKey[]) => unknown,
  originOf: (path: readonly PropertyKey[]) => string,
): ConfigIssue[] {
  return issues.flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') {
      const path = issue.path
      const found = showValue(valueAt(path))
      const mistake = { path: dotted(path), expected: expectedOf(issue), found, origin: originOf(path) }
      return [speaksForItself(issue) ? { ...mistake, says: issue.message } : mistake]
    }
    return issue.keys.map((key) => ({
      path: dotted([...issue.path, key]),
      expected: nearestOf(key, keysAt(schema, issue.path)),
      found: 'an unknown key',
      origin: originOf([...issue.path, key]),
    }))
  })
}

/** Marks a custom issue whose message is the whole sentence: `params` of a pushed issue. */
export const inOwnWords = { inOwnWords: true } as const

function speaksForItself(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'custom' && issue.params?.['inOwnWords'] === true
}

/** What was meant by an unknown name: the nearest known one, or all of them. */
export function nearestOf(key: string, known: readonly string[]): string {
  const [nearest, distance] = known
    .map((candidate) => [candidate, distanceOf(key.toLowerCase(), candidate.toLowerCase())] as const)
    .reduce<readonly [string, number]>(
      (best, next) => (next[1] < best[1] ? next : best),
      ['', Number.POSITIVE_INFINITY],
    )
  if (distance <= Math.max(2, key.length / 3)) return `${nearest}?`
  return known.length > 0 ? `one of ${known.join(', ')}` : 'no such key'
}

/** Levenshtein distance of two short words. */
function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
