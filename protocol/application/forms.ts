/**
 * Schemas for values that may be written in more than one form. zod's unions say only that none of their branches fitted; here the form
 * is told by the kind of value before it is checked, so that a mistake deep inside a form keeps its own path and words.
 */
import * as z from 'zod/mini'
import { type ConfigIssue, issuesOf, nearestOf } from '#protocol/runtime/config-issues.ts'
import { dotted, showValue } from '#protocol/schema-words.ts'

/** Any schema that gives a `T`. */
export type Form<T> = z.ZodMiniType<T>

/** Kinds of values that JSON and YAML know. */
type Kind = 'text' | 'number' | 'flag' | 'list' | 'map'

/** A mistake on its way through zod: what was expected and found at a path below the form. */
interface Mistake {
  readonly path: readonly PropertyKey[]
  readonly expected: string
  readonly found: string
}

interface Context {
  readonly issues: z.core.$ZodRawIssue[]
}

/** A value in the form that its kind has; `expected` names all of them in words. */
export function written<T>(expected: string, forms: Readonly<Partial<Record<Kind, Form<T>>>>): Form<T> {
  return z.pipe(
    z.unknown(),
    z.transform((value, context): T => {
      const kind = kindOf(value)
      const form = kind && forms[kind]
      if (form) return readInto(context, form, value, [])
      return refuse(context, { path: [], expected, found: showValue(value) })
    }),
  )
}

/** Maps of several forms, told apart by their keys. */
export function byKeys<T>(pick: (keys: ReadonlySet<string>) => Form<T>): Form<T> {
  return z.pipe(
    z.unknown(),
    z.transform((value, context): T => {
      const keys = new Set(isMap(value) ? Object.keys(value) : [])
      return readInto(context, pick(keys), value, [])
    }),
  )
}

/** Text that `read` understands; undefined = it does not. */
export function textAs<T>(expected: string, read: (text: string) => T | undefined): Form<T> {
  return z.pipe(
    z.unknown(),
    z.transform((value, context): T => {
      const meant = typeof value === 'string' && value.length <= textLengthMax ? read(value) : undefined
      return meant === undefined ? refuse(context, { path: [], expected, found: showValue(value) }) : meant
    }),
  )
}

/** One of these words, and the nearest one when it is another. */
export function oneOf<T extends string>(...words: readonly T[]): Form<T> {
  return z.pipe(
    z.unknown(),
    z.transform((value, context): T => {
      const word = words.find((word) => word === value)
      if (word !== undefined) return word
      const expected = typeof value === 'string' ? nearestOf(value, words) : `one of ${words.join(', ')}`
      return refuse(context, { path: [], expected, found: showValue(value) })
    }),
  )
}

/** What the names of a map must be like. */
export interface NameForm {
  readonly isName: (text: string) => boolean
  /** In words. */
  readonly form: string
  readonly countMax: number
}

/** A map of things by name, in the file's order; every mistake of every thing. */
export function mapOf<T>(
  { isName, form, countMax }: NameForm,
  entry: Form<T>,
): Form<readonly (readonly [string, T])[]> {
  return z.pipe(
    z.unknown(),
    z.transform((value, context): (readonly [string, T])[] => {
      if (!isMap(value)) return refuse(context, { path: [], expected: 'a map', found: showValue(value) })
      const entries = Object.entries(value)
      if (entries.length > countMax) {
        return refuse(context, { path: [], expected: `at most ${countMax} keys`, found: `${entries.length}` })
      }
      return entries.map(([name, inner]) => {
        if (!isName(name)) refuse(context, { path: [name], expected: `a name of ${form}`, found: showValue(name) })
        return [name, readInto(context, entry, inner, [name])]
      })
    }),
  )
}

/** One value or a list of them, as a list. */
export function listOf<T>(expected: string, countMax: number, entry: Form<T>): Form<readonly T[]> {
  const list = z.array(entry).check(z.maxLength(countMax, `expected at most ${countMax} elements`))
  const single = turned(entry, (one): readonly T[] => [one])
  return written<readonly T[]>(expected, { text: single, list })
}

/** The same value, said otherwise. */
export function turned<A, B>(form: Form<A>, turn: (value: A) => B): Form<B> {
  return z.pipe(
    form,
    z.transform((value: A) => turn(value)),
  )
}

/** Characters of text in a single value; scripts have a bound of their own. */
const textLengthMax = 4096

/** What a form says of a value: the value meant, or every mistake with its path below `at`. */
export function read<T>(
  form: Form<T>,
  value: unknown,
  at: readonly string[],
): { readonly value?: T; readonly issues: readonly ConfigIssue[] } {
  const result = z.safeParse(form, value)
  if (result.success) return { value: result.data, issues: [] }
  const issues = mistakesOf(form, value, result.error.issues)
  return { issues: issues.map(({ path, expected, found }) => issueAt([...at, ...path], expected, found)) }
}

/** A mistake that no schema can see. */
export function issueAt(path: readonly PropertyKey[], expected: string, found: string): ConfigIssue {
  return { path: dotted(path), expected, found, origin: '' }
}

function readInto<T>(context: Context, form: Form<T>, value: unknown, at: readonly PropertyKey[]): T {
  const result = z.safeParse(form, value)
  if (result.success) return result.data
  for (const mistake of mistakesOf(form, value, result.error.issues)) {
    refuse(context, { ...mistake, path: [...at, ...mistake.path] })
  }
  return z.NEVER
}

function refuse(context: Context, mistake: Mistake): never {
  const { path, expected } = mistake
  context.issues.push({ code: 'custom', path: [...path], message: expected, input: undefined, params: { mistake } })
  return z.NEVER
}

function mistakesOf(form: z.core.$ZodType, value: unknown, issues: readonly z.core.$ZodIssue[]): Mistake[] {
  return issues.flatMap((issue): Mistake[] => {
    const told = issue.code === 'custom' ? (issue.params?.['mistake'] as Mistake | undefined) : undefined
    if (told) return [{ ...told, path: issue.path }]
    const paths = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path]
    const words = issuesOf(
      form,
      [issue],
      (path) => valueAt(value, path),
      () => '',
    )
    return words.map(({ expected, found }, i) => ({ path: paths[i] ?? issue.path, expected, found }))
  })
}

function kindOf(value: unknown): Kind | undefined {
  if (typeof value === 'string') return 'text'
  if (typeof value === 'number') return 'number'
  if (typeof value === 'boolean') return 'flag'
  if (Array.isArray(value)) return 'list'
  return isMap(value) ? 'map' : undefined
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (found, key) =>
      typeof found === 'object' && found !== null && Object.hasOwn(found, key)
        ? (found as Record<PropertyKey, unknown>)[key]
        : undefined,
    value,
  )
}
