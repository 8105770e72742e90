/** One sample line of a metrics page, in the grammar that Prometheus text 0.0.4 and OpenMetrics 1.0 share. */
import { LanistaError } from '#protocol/errors.ts'

/** A sample as the page has it. */
export interface ExpositionSample {
  readonly name: string
  /** In the page's order; names are unique; empty values are kept. */
  readonly labels: ReadonlyMap<string, string>
  /** May be NaN or infinite. */
  readonly value: number
  /** The timestamp's text, unread: its unit depends on the format. */
  readonly timestamp?: string | undefined
  /** Labels of an exemplar; OpenMetrics only. */
  readonly exemplar?: ReadonlyMap<string, string> | undefined
}

const namePattern = /[a-zA-Z_:][a-zA-Z0-9_:]*/y
const labelPattern = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[^])*)"/y
const loosePattern = /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\[^])*)"[ \t]*/y
const numberPattern = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?)$|^nan$/i
const escapes: Readonly<Record<string, string>> = { '\\\\': '\\', '\\"': '"', '\\n': '\n' }

/**
 * Parses `name{label="value",…} value [timestamp] [# {…} value [timestamp]]`.
 * @param isStrict single blanks and no trailing comma, as OpenMetrics has it; else runs of blanks and tabs, as Prometheus reads
 * @throws LanistaError EXPOSITION_INVALID
 */
export function parseSampleLine(line: string, isStrict: boolean): ExpositionSample {
  namePattern.lastIndex = 0
  const name = namePattern.exec(line)?.[0]
  if (name === undefined) throw invalidExposition('no metric name')
  let at = isStrict ? name.length : skipBlanks(line, name.length)
  const block = line[at] === '{' ? parseLabels(line, at, isStrict) : undefined
  if (block) at = block.end
  const rest = isStrict
    ? line.slice(at)
    : ` ${line
        .slice(at)
        .trim()
        .replace(/[ \t]+/g, ' ')}`
  const [plain = '', exemplarText] = isStrict ? splitOnce(rest, ' # ') : [rest]
  const [empty, value, timestamp, ...more] = plain.split(' ')
  if (empty !== '' || value === undefined || more.length > 0) throw invalidExposition('no value after the name')
  return {
    name,
    labels: block?.labels ?? new Map(),
    value: parseNumber(value),
    timestamp: timestamp === undefined ? undefined : checkTimestamp(timestamp),
    exemplar: exemplarText === undefined ? undefined : parseExemplar(exemplarText),
  }
}

/** A number as metrics pages write it: decimal, exponents, `+Inf`, `NaN`, any case. Throws EXPOSITION_INVALID. */
export function parseNumber(text: string): number {
  if (!numberPattern.test(text)) throw invalidExposition(`${JSON.stringify(text.slice(0, 40))} for a number`)
  const lower = text.toLowerCase()
  if (!lower.includes('inf')) return lower === 'nan' ? Number.NaN : Number(text)
  return lower.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
}

/** The error of a page that does not parse. */
export function invalidExposition(found: string): LanistaError {
  return new LanistaError('EXPOSITION_INVALID', `correct the metrics page: found ${found}`)
}

function parseLabels(line: string, from: number, isStrict: boolean): { labels: Map<string, string>; end: number } {
  const labels = new Map<string, string>()
  const pattern = isStrict ? labelPattern : loosePattern
  let at = isStrict ? from + 1 : skipBlanks(line, from + 1)
  if (line[at] === '}') return { labels, end: at + 1 }
  for (;;) {
    pattern.lastIndex = at
    const [whole, key, value] = pattern.exec(line) ?? []
    if (whole === undefined || key === undefined || value === undefined) throw invalidExposition('a label that is none')
    if (labels.has(key)) throw invalidExposition(`the label ${key} twice`)
    labels.set(
      key,
      value.replace(/\\[^]/g, (pair) => escapes[pair] ?? pair),
    )
    at += whole.length
    if (line[at] === '}') return { labels, end: at + 1 }
    if (line[at] !== ',') throw invalidExposition('labels that do not end')
    at++
    if (!isStrict && line[skipBlanks(line, at)] === '}') return { labels, end: skipBlanks(line, at) + 1 }
  }
}

/** `{labels} value [timestamp]`; the labels' text together is at most 128 characters. */
function parseExemplar(text: string): ReadonlyMap<string, string> {
  if (!text.startsWith('{')) throw invalidExposition('an exemplar without labels')
  const { labels, end } = parseLabels(text, 0, true)
  const [empty, value, timestamp, ...more] = text.slice(end).split(' ')
  if (empty !== '' || value === undefined || more.length > 0) throw invalidExposition('an exemplar without value')
  parseNumber(value)
  if (timestamp !== undefined) checkTimestamp(timestamp)
  const characters = [...labels].reduce(
    (sum, [key, value]) => sum + Array.from(key).length + Array.from(value).length,
    0,
  )
  if (characters > 128) throw invalidExposition('an exemplar of more than 128 characters')
  return labels
}

function checkTimestamp(text: string): string {
  if (!Number.isFinite(parseNumber(text))) throw invalidExposition(`${text} for a timestamp`)
  return text
}

/** Splits outside of the label block: the text given starts after it. */
function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)]
}

function skipBlanks(text: string, from: number): number {
  let at = from
  while (text[at] === ' ' || text[at] === '\t') at++
  return at
}
