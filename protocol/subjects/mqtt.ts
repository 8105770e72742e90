/**
 * Subjects as MQTT topics: the same tokens with `/` for `.`, `+` for `*`, `#` for `>`. With our alphabet the mapping is a
 * bijection; anything else is refused, so no topic can smuggle a NATS wildcard or the reverse.
 */
import { LanistaError } from '#protocol/errors.ts'
import { parsePattern } from './pattern.ts'

const literalToken = /^[A-Za-z0-9_-]+$/

/** A literal subject as a topic; throws TOPIC_INVALID. */
export function topicOf(subject: string): string {
  return mapTokens(subject, '.', '/', (token) => (literalToken.test(token) ? token : undefined))
}

/** A literal topic as a subject; throws TOPIC_INVALID. */
export function subjectOfTopic(topic: string): string {
  return mapTokens(topic, '/', '.', (token) => (literalToken.test(token) ? token : undefined))
}

/** A subscription pattern as a topic filter; throws PATTERN_INVALID. */
export function filterOf(pattern: string): string {
  return parsePattern(pattern)
    .map((token) => (token === '*' ? '+' : token === '>' ? '#' : token))
    .join('/')
}

/** A topic filter as a subscription pattern; throws TOPIC_INVALID (also for `$share`, `$SYS` and NATS wildcards as text). */
export function patternOfFilter(filter: string): string {
  const last = filter.split('/').length - 1
  return mapTokens(filter, '/', '.', (token, i) => {
    if (token === '+') return '*'
    if (token === '#') return i === last ? '>' : undefined
    return literalToken.test(token) ? token : undefined
  })
}

function mapTokens(
  text: string,
  from: string,
  to: string,
  map: (token: string, i: number) => string | undefined,
): string {
  const mapped = text.split(from).map(map)
  if (text.length > 1024 || mapped.includes(undefined)) {
    throw new LanistaError(
      'TOPIC_INVALID',
      `use another topic: found ${JSON.stringify(text.slice(0, 200))}, expected tokens of A-Z a-z 0-9 _ - joined by ${from}`,
    )
  }
  return mapped.join(to)
}
