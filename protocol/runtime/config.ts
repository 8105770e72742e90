/**
 * Configuration from four places, the later ones first in force: defaults, a YAML or JSON file, the environment, flags. Checked
 * as a whole, so that every mistake is told at once, and remembered with where each value came from.
 *
 * Maps are merged key by key; lists and single values replace what was there; `null` takes a setting away, so that an optional part
 * with a default can be switched off. An environment variable is named after the path: `store.commitIntervalMs` is
 * `LANISTA_STORE_COMMIT_INTERVAL_MS`; its text is taken as it is for a text setting, as `a,b` or YAML for a list, as YAML else.
 */
import { readFileSync } from 'node:fs'
import { parseDocument } from 'yaml'
import * as z from 'zod/mini'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { dotted } from '#protocol/schema-words.ts'
import { type ConfigIssue, invalidConfig, issuesOf } from './config-issues.ts'
import { type ConfigSchema, kindAt, settingPaths } from './config-schema.ts'
import { isNestedBeyond } from './yaml-levels.ts'

/** Where values come from, besides the defaults. */
export interface ConfigSources {
  /** What holds where nothing else is said. */
  readonly defaults: object
  /** A file that was read: its name for messages, and its YAML or JSON text. */
  readonly file?: { readonly name: string; readonly text: string } | undefined
  /** `process.env`, of which the variables named after settings are used. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** By dotted path; undefined is not given. Text is read as in the environment. */
  readonly flags?: Readonly<Record<string, unknown>> | undefined
}

/** A configuration that was checked. */
export interface LoadedConfig<T> {
  readonly value: T
  /** Where each setting came from, by dotted path: `default`, the file's name, `LANISTA_…`, or `flag`. */
  readonly origins: ReadonlyMap<string, string>
}

/** Bytes of a configuration file; a larger one is refused. */
const configBytesMax = 1_048_576
/** Maps and lists inside each other; no setting lies as deep. */
const levelsMax = 64

/**
 * Merges and checks. Throws CONFIG_INVALID with `data.issues`: every mistake with its path, what was expected, what was found and
 * where; an unknown key with the nearest known one.
 */
export function loadConfig<T>(schema: ConfigSchema<T>, sources: ConfigSources): LoadedConfig<T> {
  const origins = new Map<string, string>()
  let merged = merge({}, sources.defaults, 'default', origins, [])
  if (sources.file) merged = merge(merged, parseFile(sources.file), sources.file.name, origins, [])
  for (const { path, value, origin } of [...fromEnvironment(schema, sources), ...fromFlags(schema, sources)]) {
    merged = merge(merged, nest(path, value), origin, origins, [])
  }
  const result = z.safeParse(schema, merged)
  if (!result.success) {
    throw invalidConfig(
      issuesOf(
        schema,
        result.error.issues,
        (path) => valueAt(merged, path),
        (path) => originOf(origins, path),
      ),
    )
  }
  return { value: result.data, origins }
}

/** Reads a configuration file at start, synchronously. Throws CONFIG_UNREADABLE naming it. */
export function readConfigFile(name: string): { readonly name: string; readonly text: string } {
  try {
    return { name, text: readFileSync(name, 'utf8') }
  } catch (cause) {
    throw new LanistaError('CONFIG_UNREADABLE', `make the file readable: ${messageOf(cause)}`, {
      cause,
      data: { name },
    })
  }
}

/** The name of the environment variable of a setting. */
export function environmentName(path: readonly string[]): string {
  return `LANISTA_${path.map((key) => key.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()).join('_')}`
}

/** Each setting with its value as JSON and where it came from, one a line, sorted. Values of keys that name secrets are hidden. */
export function printConfig(config: LoadedConfig<unknown>): string {
  const rows = leavesOf(config.value, []).map(({ path, value }) => {
    const isSecret = /(?:password|secret|token|seed)$/i.test(path.at(-1) ?? '')
    return {
      text: `${dotted(path)} = ${isSecret ? '"…"' : JSON.stringify(value)}`,
      origin: originOf(config.origins, path),
    }
  })
  const width = Math.max(0, ...rows.map(({ text }) => text.length))
  return rows
    .map(({ text, origin }) => `${text.padEnd(width)}  # ${origin}\n`)
    .sort()
    .join('')
}

type Path = readonly PropertyKey[]
type Values = Readonly<Record<string, unknown>>

interface Override {
  readonly path: readonly string[]
  readonly value: unknown
  readonly origin: string
}

function isMap(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `over` laid on `base`; `origins` follows. */
function merge(base: Values, over: object, origin: string, origins: Map<string, string>, path: Path): Values {
  const merged = new Map(Object.entries(base))
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue
    const here = [...path, key]
    const before = merged.get(key)
    if (isMap(value) && Object.keys(value).length > 0) {
      if (!isMap(before)) forget(origins, here)
      merged.set(key, merge(isMap(before) ? before : {}, value, origin, origins, here))
    } else if (!(isMap(value) && isMap(before))) {
      forget(origins, here)
      if (value === null) merged.delete(key)
      else merged.set(key, value)
      origins.set(dotted(here), origin)
    }
  }
  return Object.fromEntries(merged)
}

function forget(origins: Map<string, string>, path: Path): void {
  const prefix = dotted(path)
  for (const known of origins.keys()) if (known === prefix || known.startsWith(`${prefix}.`)) origins.delete(known)
}

/** Who set the value, or the nearest map around it. */
function originOf(origins: ReadonlyMap<string, string>, path: Path): string {
  for (let length = path.length; length > 0; length--) {
    const origin = origins.get(dotted(path.slice(0, length)))
    if (origin !== undefined) return origin
  }
  return ''
}

function valueAt(values: unknown, path: Path): unknown {
  let value = values
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<PropertyKey, unknown>)[key]
  }
  return value
}

function leavesOf(value: unknown, path: Path): { readonly path: readonly string[]; readonly value: unknown }[] {
  if (isMap(value) && Object.keys(value).length > 0) {
    return Object.entries(value).flatMap(([key, child]) => leavesOf(child, [...path, key]))
  }
  return value === undefined ? [] : [{ path: path.map(String), value }]
}

function nest(path: readonly string[], value: unknown): object {
  return path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as object
}

function parseFile({ name, text }: { readonly name: string; readonly text: string }): object {
  if (Buffer.byteLength(text) > configBytesMax) throw wholeFile(name, `at most ${configBytesMax} bytes`, 'more')
  if (isNestedBeyond(levelsMax, text)) throw wholeFile(name, `at most ${levelsMax} levels of maps and lists`, 'more')
  const document = parseDocument(text, { logLevel: 'error' }) // silent, it would take the first of several documents
  if (document.errors.some(({ code }) => code === 'MULTIPLE_DOCS')) throw wholeFile(name, 'one document', 'another')
  if (document.errors.length > 0) {
    throw invalidConfig(
      document.errors.map((error) => wholeIssue(name, 'YAML or JSON', error.message.split('\n')[0] ?? '')),
    )
  }
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    throw wholeFile(name, 'YAML with fewer aliases', messageOf(error))
  }
  if (value === null || value === undefined) return {}
  if (!isMap(value)) throw wholeFile(name, 'a map of settings', Array.isArray(value) ? 'a list' : typeof value)
  return value
}

function wholeIssue(name: string, expected: string, found: string): ConfigIssue {
  return { path: '', expected, found, origin: name }
}

function wholeFile(name: string, expected: string, found: string): LanistaError {
  return invalidConfig([wholeIssue(name, expected, found)])
}

function fromEnvironment(schema: ConfigSchema<unknown>, { environment = {} }: ConfigSources): Override[] {
  return settingPaths(schema).flatMap((path) => {
    const name = environmentName(path)
    const text = environment[name]
    return text === undefined ? [] : [{ path, value: textValue(schema, path, text), origin: name }]
  })
}

function fromFlags(schema: ConfigSchema<unknown>, { flags = {} }: ConfigSources): Override[] {
  return Object.entries(flags).flatMap(([name, given]) => {
    const path = name.split('.')
    const value = typeof given === 'string' ? textValue(schema, path, given) : given
    return given === undefined ? [] : [{ path, value, origin: 'flag' }]
  })
}

/** Text as the kind of value that its setting takes; what cannot be read stays text, for the check to refuse. */
function textValue(schema: ConfigSchema<unknown>, path: readonly string[], text: string): unknown {
  const kind = kindAt(schema, path)
  if (kind === 'string' || kind === 'enum' || kind === undefined) return text
  if (kind === 'array' && !text.trimStart().startsWith('[')) {
    return text === '' ? [] : text.split(',').map((part) => part.trim())
  }
  if (isNestedBeyond(levelsMax, text)) return text
  const document = parseDocument(text, { logLevel: 'silent' })
  return document.errors.length > 0 ? text : (document.toJS({ maxAliasCount: 0 }) as unknown)
}
