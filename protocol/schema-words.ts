/** What a zod schema has to say, in the words of our errors: expected this, found that, at this path. */
import type * as z from 'zod/mini'

/** Messages of zod itself: of its small form, and of its full one, which sets its language for both when it is loaded. */
const zodsOwn = /^(?:Invalid |Too (?:big|small)|Unrecognized key)/

/** What the issue's value should have been: a message of the schema's own, or words in place of zod's. */
export function expectedOf(issue: z.core.$ZodIssue): string {
  if (issue.message !== '' && !zodsOwn.test(issue.message)) return issue.message.replace(/^expected /, '')
  switch (issue.code) {
    case 'invalid_type':
      return article(issue.expected)
    case 'too_small':
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${unitOf(issue.origin)}`
    case 'too_big':
      return `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${unitOf(issue.origin)}`
    case 'invalid_value':
      return issue.values.map((value) => showValue(value)).join(' or ')
    case 'invalid_union':
      return [...new Set(issue.errors.flatMap((branch) => branch.slice(0, 1).map(expectedOf)))].join(' or ')
    case 'invalid_format':
      return `text in the form ${issue.pattern ?? issue.format}`
    case 'not_multiple_of':
      return `a multiple of ${issue.divisor}`
    case 'invalid_key':
    case 'invalid_element':
      return issue.issues.map(expectedOf).join(' and ')
    case 'unrecognized_keys':
      return `no key ${issue.keys.join(', ')}`
    case 'custom':
      return 'another value'
  }
}

function unitOf(origin: string): string {
  return origin === 'string' ? ' characters' : origin === 'array' || origin === 'set' ? ' elements' : ''
}

const articles: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
}

function article(expected: string): string {
  return articles[expected] ?? expected
}

/** A path as people write it: `sensors.0.intervalMs`. */
export function dotted(path: readonly PropertyKey[]): string {
  return path.map(String).join('.')
}

/** A value as JSON, shortened; `nothing` for undefined. */
export function showValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = (JSON.stringify(value) as string | undefined) ?? typeof value
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
