/**
 * Subscription patterns in NATS form: `*` stands for one token, a final `>` for one or more.
 */
import { LanistaError } from '#protocol/errors.ts'

const tokenOrStar = /^(?:[A-Za-z0-9_-]+|\*|\$SRV)$/

/** Throws PATTERN_INVALID unless every token is of the alphabet, `*`, or a final `>` (a leading `$SRV` is allowed too). */
export function parsePattern(text: string): readonly string[] {
  const tokens = text.split('.')
  const fits = tokens.every(
    (token, i) => (token === '>' ? i === tokens.length - 1 : tokenOrStar.test(token)) && (token !== '$SRV' || i === 0),
  )
  if (!fits || text.length > 1024) {
    throw new LanistaError(
      'PATTERN_INVALID',
      `subscribe to another pattern: found ${JSON.stringify(text.slice(0, 200))}, expected tokens of A-Z a-z 0-9 _ -, * for one token, > at the end for the rest`,
    )
  }
  return tokens
}

/** Does the literal `subject` match the pattern? */
export function matchesPattern(pattern: string, subject: string): boolean {
  return isInside(pattern, subject)
}

/**
 * Is every subject that `inner` (pattern or literal) matches also matched by `outer`? Token by token: `*` takes a token or
 * `*`, never `>`; a final `>` takes one token or more, wildcards included.
 */
export function isInside(outer: string, inner: string): boolean {
  const out = outer.split('.')
  const inn = inner.split('.')
  for (let i = 0; i < out.length; i++) {
    if (out[i] === '>') return i === out.length - 1 && inn.length > i
    if (i >= inn.length || inn[i] === '>') return false
    if (out[i] !== '*' && out[i] !== inn[i]) return false
  }
  return out.length === inn.length
}

/** The pattern of all subjects that both patterns match; undefined when there is none. */
export function intersectPatterns(one: string, other: string): string | undefined {
  const [left, right] = [one.split('.'), other.split('.')]
  const both: string[] = []
  for (let i = 0; ; i++) {
    const [l, r] = [left[i], right[i]]
    if (l === undefined || r === undefined) return l === r ? both.join('.') : undefined
    if (l === '>') return [...both, ...right.slice(i)].join('.')
    if (r === '>') return [...both, ...left.slice(i)].join('.')
    if (l !== r && l !== '*' && r !== '*') return undefined
    both.push(l === '*' ? r : l)
  }
}
