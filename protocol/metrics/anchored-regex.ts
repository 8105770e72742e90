/**
 * Regular expressions that an operator writes in a selector. JavaScript's engine backtracks, so a pattern's worst case is
 * reckoned before it is used: every `*`, `+` or `{n,}` may try each character of the value, every optional part and every
 * alternative multiplies the ways, and the product must stay below a bound. Repeated groups that hold a choice (`(a+)+`,
 * `(a|a)*`), backreferences and lookarounds are refused outright.
 */
import { LanistaError } from '#protocol/errors.ts'

/** Characters of a pattern; a longer one is refused. */
const regexLengthMax = 256
/** Characters of a value that a pattern sees: what stands behind them is not looked at. */
const regexSubjectLengthMax = 256
/** Ways to match that a pattern may have to try on one value; more is refused. */
const waysMax = 2 ** 26

/** A test that the pattern matches at the start of a value; throws SELECTOR_INVALID. */
export function compileAnchored(pattern: string): (value: string) => boolean {
  const fault = faultOf(pattern)
  if (fault !== undefined) throw invalidRegex(pattern, fault)
  let regex: RegExp
  try {
    regex = new RegExp(`^(?:${pattern})`)
  } catch (cause) {
    throw invalidRegex(pattern, 'a valid regular expression', cause)
  }
  return (value) => regex.test(value.length > regexSubjectLengthMax ? value.slice(0, regexSubjectLengthMax) : value)
}

interface Group {
  alternatives: number
  /** Holds a repetition, an option or an alternative. */
  hasChoice: boolean
}

/** What is expected of the pattern and not there, or undefined. */
function faultOf(pattern: string): string | undefined {
  if (pattern.length > regexLengthMax) return `at most ${regexLengthMax} characters`
  if (/\\(?:[1-9]|k)/.test(pattern.replaceAll('\\\\', 'x'))) return 'no backreference'
  // Escapes and classes are one character each; groups lose their `?:`.
  const shape = pattern.replace(/\\./g, 'x').replace(/\[[^\]]*\]/g, 'x')
  if (/\(\?(?!:)/.test(shape)) return 'no lookaround and no named group'
  const text = shape.replaceAll('(?:', '(')
  const open: Group[] = [{ alternatives: 1, hasChoice: false }]
  let ways = 1
  for (let i = 0; i < text.length; i++) {
    const inner = open.at(-1) as Group
    if (text[i] === '|') {
      inner.alternatives++
      ways *= inner.alternatives / (inner.alternatives - 1)
    }
    const closed = text[i] === ')' && open.length > 1 ? open.pop() : undefined
    if (closed) (open.at(-1) as Group).hasChoice ||= closed.hasChoice || closed.alternatives > 1
    if (text[i] === '(') open.push({ alternatives: 1, hasChoice: false })
    const quantifier = quantifierAt(text, i + 1)
    if (quantifier === undefined) continue
    if (quantifier.repeats && closed && (closed.hasChoice || closed.alternatives > 1)) {
      return 'no repetition of a group that holds a repetition, an option or an alternative'
    }
    ;(open.at(-1) as Group).hasChoice = true
    ways *= quantifier.ways
  }
  return ways > waysMax ? 'fewer repetitions and alternatives' : undefined
}

interface Quantifier {
  readonly ways: number
  /** More than once. */
  readonly repeats: boolean
}

function quantifierAt(text: string, at: number): Quantifier | undefined {
  const [whole, from, comma, to] = /^(?:[*+?]|\{(\d+)(,)?(\d*)\})/.exec(text.slice(at, at + 24)) ?? []
  if (whole === undefined) return undefined
  if (whole === '?') return { ways: 2, repeats: false }
  if (whole === '*' || whole === '+' || (comma !== undefined && to === '')) {
    return { ways: regexSubjectLengthMax, repeats: true }
  }
  const most = comma === undefined ? Number(from) : Number(to)
  return { ways: Math.max(1, most - Number(from) + 1), repeats: most > 1 }
}

function invalidRegex(pattern: string, expected: string, cause?: unknown): LanistaError {
  return new LanistaError(
    'SELECTOR_INVALID',
    `write the regular expression otherwise: found ${JSON.stringify(pattern.slice(0, 120))}, expected ${expected}`,
    { cause },
  )
}
