import { LanistaError } from '#protocol/errors.ts'

const tokenPattern = /^[A-Za-z0-9_-]{1,64}$/
const metricTokenPattern = /^[A-Za-z0-9-][A-Za-z0-9_-]{0,63}$/

/** Metric names, encoded or not, are refused above this many UTF-8 bytes. */
export const metricNameBytesMax = 512

/** True for `[A-Za-z0-9_-]{1,64}`, the alphabet of every token of every subject. */
export function isToken(text: string): boolean {
  return tokenPattern.test(text)
}

/** What an id looks like, in words for error messages. */
export const idForm = '1 to 64 of A-Z a-z 0-9 _ - without a leading _'

/** True for a token that a person may choose as tenant, cloud, host or other id: no leading `_`, that is ours alone. */
export function isId(text: string): boolean {
  return isToken(text) && !text.startsWith('_')
}

/** Returns `text` when `isId`; throws `TOKEN_INVALID`. */
export function parseId(text: string, what: string): string {
  if (!isId(text)) {
    throw new LanistaError(
      'TOKEN_INVALID',
      `choose another ${what}: found ${JSON.stringify(text.slice(0, 80))}, expected ${idForm}`,
      { data: { what, found: text.slice(0, 80) } },
    )
  }
  return text
}

/**
 * A metric name as subject tokens: a part within the alphabet and without a leading `_` stays as it is, any other becomes
 * `_` + base64url of its UTF-8 bytes (free of the 64-character limit). The inverse is `decodeMetricName`.
 * @throws LanistaError METRIC_NAME_INVALID for an empty part, a lone surrogate, or a name over 512 bytes
 */
export function encodeMetricName(name: string): string {
  if (Buffer.byteLength(name) > metricNameBytesMax || name.length === 0) throw invalidName(name)
  return name
    .split('.')
    .map((part) => {
      if (part.length === 0) throw invalidName(name)
      if (metricTokenPattern.test(part)) return part
      const bytes = Buffer.from(part, 'utf8')
      if (bytes.toString('utf8') !== part) throw invalidName(name)
      return `_${bytes.toString('base64url')}`
    })
    .join('.')
}

/** The metric name behind its subject tokens; throws METRIC_NAME_INVALID when they were not made by `encodeMetricName`. */
export function decodeMetricName(encoded: string): string {
  const name = encoded
    .split('.')
    .map((token) => (token.startsWith('_') ? Buffer.from(token.slice(1), 'base64url').toString('utf8') : token))
    .join('.')
  if (encodeMetricName(name) !== encoded) throw invalidName(encoded)
  return name
}

/** A pattern over metric names as subject tokens: `*` and a final `>` stay, every other part is encoded like a name's. */
export function encodeMetricPattern(pattern: string): string {
  const parts = pattern.split('.')
  return parts
    .map((part, i) => (part === '*' || (part === '>' && i === parts.length - 1) ? part : encodeMetricName(part)))
    .join('.')
}

function invalidName(name: string): LanistaError {
  return new LanistaError(
    'METRIC_NAME_INVALID',
    `name the metric otherwise: found ${JSON.stringify(name.slice(0, 80))}, expected 1 to ${metricNameBytesMax} bytes of dotted parts, none empty`,
  )
}
