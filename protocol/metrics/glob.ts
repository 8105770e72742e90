/**
 * Graphite's globs over dotted names: `*`, `?`, `[a-z]`, `[!a-z]`, `{a,b}`; none of them crosses a dot. Matching is by hand, not by
 * regular expression, so that no pattern makes it slower than the product of the two lengths.
 */
import { LanistaError } from '#protocol/errors.ts'
import { metricNameBytesMax } from '#protocol/subjects/token.ts'

/** One element of a compiled part: a literal character, any character, any run of them, or a class. */
type Atom = string | typeof anyOne | typeof anyRun | Class

interface Class {
  readonly negated: boolean
  readonly ranges: readonly (readonly [from: string, to: string])[]
}

const anyOne = Symbol('?')
const anyRun = Symbol('*')
const special = /[*?[\]{}]/

/** Ways in which the braces of one part may be written out; more is refused. */
const alternativesMax = 64

/** True when the text has no glob character: it names one metric. */
function isLiteral(pattern: string): boolean {
  return !special.test(pattern)
}

/** A matcher of whole metric names; throws SELECTOR_INVALID. */
export function compileGlob(pattern: string): (name: string) => boolean {
  if (pattern.length === 0 || Buffer.byteLength(pattern) > metricNameBytesMax * 2) {
    throw invalidGlob(pattern, `1 to ${metricNameBytesMax * 2} bytes`)
  }
  // A dot inside brackets or braces splits them too, which is refused below: no glob crosses a dot.
  const texts = pattern.split('.')
  if (texts.includes('')) throw invalidGlob(pattern, 'no empty part')
  if (isLiteral(pattern)) return (name) => name === pattern
  const parts = texts.map((part) => compilePart(part, pattern))
  return (name) => {
    const tokens = name.split('.')
    return tokens.length === parts.length && parts.every((matches, i) => matches(tokens[i] as string))
  }
}

function compilePart(part: string, pattern: string): (token: string) => boolean {
  if (part === '*') return () => true
  if (isLiteral(part)) return (token) => token === part
  const alternatives = expandBraces(part, pattern).map((text) => atomsOf(text, pattern))
  return (token) => {
    const characters = Array.from(token)
    return alternatives.some((atoms) => matchesAtoms(atoms, characters))
  }
}

/** `a{b,c}d` as `abd`, `acd`. Braces do not nest. */
function expandBraces(part: string, pattern: string): string[] {
  const open = part.indexOf('{')
  const close = part.indexOf('}')
  if (open < 0 && close < 0) return [part]
  if (open < 0 || close < open) throw invalidGlob(pattern, 'braces in pairs, without a dot between them')
  const inner = part.slice(open + 1, close)
  if (inner.includes('{')) throw invalidGlob(pattern, 'braces that do not nest')
  const rest = expandBraces(part.slice(close + 1), pattern)
  const alternatives = inner.split(',').flatMap((choice) => rest.map((tail) => part.slice(0, open) + choice + tail))
  if (alternatives.length > alternativesMax) throw invalidGlob(pattern, `at most ${alternativesMax} alternatives`)
  return alternatives
}

function atomsOf(text: string, pattern: string): Atom[] {
  const atoms: Atom[] = []
  const characters = Array.from(text)
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i] as string
    if (character === '*') {
      if (atoms.at(-1) !== anyRun) atoms.push(anyRun)
    } else if (character === '?') {
      atoms.push(anyOne)
    } else if (character === '[') {
      const close = characters.indexOf(']', i + 2)
      if (close < 0) throw invalidGlob(pattern, 'brackets in pairs, without a dot between them')
      atoms.push(classOf(characters.slice(i + 1, close), pattern))
      i = close
    } else if (character === ']') {
      throw invalidGlob(pattern, 'brackets in pairs, without a dot between them')
    } else {
      atoms.push(character)
    }
  }
  return atoms
}

function classOf(characters: readonly string[], pattern: string): Class {
  const negated = characters[0] === '!' || characters[0] === '^'
  const members = negated ? characters.slice(1) : characters
  const ranges: [string, string][] = []
  for (let i = 0; i < members.length; i++) {
    const from = members[i] as string
    const to = members[i + 1] === '-' && i + 2 < members.length ? (members[i + 2] as string) : from
    if (to !== from) i += 2
    if (to < from) throw invalidGlob(pattern, `an ascending range, not ${from}-${to}`)
    ranges.push([from, to])
  }
  if (ranges.length === 0) throw invalidGlob(pattern, 'a character in each pair of brackets')
  return { negated, ranges }
}

/** Two pointers and the newest star: linear in the token for each star. */
function matchesAtoms(atoms: readonly Atom[], token: readonly string[]): boolean {
  let a = 0
  let t = 0
  let star = -1
  let starToken = 0
  while (t < token.length) {
    const atom = atoms[a]
    if (atom === anyRun) {
      star = a++
      starToken = t
    } else if (atom !== undefined && matchesOne(atom, token[t] as string)) {
      a++
      t++
    } else if (star >= 0) {
      a = star + 1
      t = ++starToken
    } else {
      return false
    }
  }
  return atoms[a] === anyRun ? a + 1 === atoms.length : a === atoms.length
}

function matchesOne(atom: Exclude<Atom, typeof anyRun>, character: string): boolean {
  if (atom === anyOne) return true
  if (typeof atom === 'string') return atom === character
  return atom.ranges.some(([from, to]) => character >= from && character <= to) !== atom.negated
}

function invalidGlob(pattern: string, expected: string): LanistaError {
  return new LanistaError(
    'SELECTOR_INVALID',
    `select otherwise: found ${JSON.stringify(pattern.slice(0, 120))}, expected ${expected}`,
  )
}
