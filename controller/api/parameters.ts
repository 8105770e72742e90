import { LanistaError } from '#protocol/errors.ts'
import { dotted, expectedOf, showValue } from '#protocol/schema-words.ts'
import type { Route } from './route.ts'

export type Parameters = Readonly<Record<string, string | undefined>>

/** Query parameters that fit the route; throws QUERY_INVALID with every mistake in `data.issues`. */
export function parseParameters(route: Pick<Route, 'parameters'>, query: unknown): Parameters {
  const result = route.parameters.strict().safeParse(query)
  if (result.success) return result.data as Parameters
  const known = Object.keys(route.parameters.shape)
  const issues = result.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({
          parameter: key.slice(0, 80),
          found: 'an unknown parameter',
          expected: listOf(known),
        }))
      : [{ parameter: dotted(issue.path), found: foundAt(query, issue.path), expected: expectedOf(issue) }],
  )
  const first = issues[0]
  throw new LanistaError(
    'QUERY_INVALID',
    `change the parameter ${first?.parameter}: found ${first?.found}, expected ${first?.expected}`,
    { data: { issues } },
  )
}

function listOf(known: readonly string[]): string {
  return known.length === 0 ? 'none' : `one of ${known.join(', ')}`
}

function foundAt(query: unknown, path: readonly PropertyKey[]): string {
  const [key] = path
  return showValue(key === undefined ? query : (query as Record<PropertyKey, unknown>)[key])
}
