import type * as z from 'zod/mini'
import { messageOf } from '#protocol/errors.ts'
import { type ConfigIssue, issuesOf, nearestOf } from '#protocol/runtime/config-issues.ts'
import { formatDuration, parseDuration } from '#protocol/runtime/time.ts'
import { showValue } from '#protocol/schema-words.ts'

/** Mistakes in one part of an application file, gathered so that all are told at once. */
export class Mistakes {
  readonly #issues: ConfigIssue[]
  readonly #path: string

  /** @param path dotted path of the part, `monitors.cpu-5m` */
  constructor(path: string, issues: ConfigIssue[] = []) {
    this.#path = path
    this.#issues = issues
  }

  get issues(): readonly ConfigIssue[] {
    return this.#issues
  }

  /** The same list for a part inside this one. */
  below(key: string | number): Mistakes {
    return new Mistakes(this.#at(String(key)), this.#issues)
  }

  /** Adds what another list found. */
  take(other: Mistakes): void {
    this.#issues.push(...other.issues)
  }

  /** Found one thing where another was expected, at a key of this part ('' = the part itself). */
  expected(key: string, expected: string, found: unknown): void {
    this.#issues.push({ path: this.#at(key), expected, found: showValue(found), origin: '' })
  }

  /** A rule of its own, as a whole sentence. */
  says(key: string, sentence: string): void {
    this.#issues.push({ path: this.#at(key), expected: '', says: sentence, found: '', origin: '' })
  }

  /** A name that nothing has; says the nearest that something has. */
  unknownName(key: string, what: string, name: string, known: readonly string[]): void {
    const nearest = known.length === 0 ? `one of the file: it has none` : nearestOf(name, known)
    this.says(key, `found no ${what} ${JSON.stringify(name)}, expected ${nearest}`)
  }

  /** The value when the schema takes it; otherwise undefined, and its issues stand here. */
  shape<T>(schema: z.ZodMiniType<T>, value: unknown): T | undefined {
    const result = schema.safeParse(value)
    if (result.success) return result.data
    const valueAt = (path: readonly PropertyKey[]): unknown =>
      path.reduce<unknown>((at, key) => (at as Readonly<Record<PropertyKey, unknown>> | undefined)?.[key], value)
    for (const issue of issuesOf(schema, result.error.issues, valueAt, () => '')) {
      this.#issues.push({ ...issue, path: this.#at(issue.path) })
    }
    return undefined
  }

  /** A duration of at least `minMs` and at most `maxMs`; `fallback` when it is absent or wrong. */
  duration(key: string, text: string | undefined, fallback: number, minMs: number, maxMs: number): number {
    if (text === undefined) return fallback
    let ms: number
    try {
      ms = parseDuration(text)
    } catch {
      this.expected(key, 'a duration like 200ms, 90s, 5m, 1h30m', text)
      return fallback
    }
    if (ms >= minMs && ms <= maxMs) return ms
    this.expected(key, `a duration of ${formatDuration(minMs)} to ${formatDuration(maxMs)}`, text)
    return fallback
  }

  /** `60%` as 60; `fallback` when it is absent or wrong. */
  percent(key: string, text: string | undefined, fallback: number): number {
    if (text === undefined) return fallback
    const percent = /^\d{1,3}(?:\.\d{1,6})?%$/.test(text) ? Number(text.slice(0, -1)) : Number.NaN
    if (percent <= 100) return percent
    this.expected(key, 'a percentage of 0% to 100%', text)
    return fallback
  }

  /** What `parse` makes of the text; undefined, and what it threw stands here, when it does not. */
  attempt<T>(key: string, parse: () => T): T | undefined {
    try {
      return parse()
    } catch (error) {
      this.says(key, messageOf(error))
      return undefined
    }
  }

  #at(key: string): string {
    return [this.#path, key].filter((part) => part !== '').join('.')
  }
}
