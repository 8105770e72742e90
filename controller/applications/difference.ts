/** What differs between two values of one shape, setting by setting. Pure. */
import { showValue } from '#protocol/schema-words.ts'

/** One setting that differs; `nothing` where there was or will be none. */
export interface Difference {
  /** Dotted; things with names stand under their names. */
  readonly path: string
  readonly from: string
  readonly to: string
}

/** Settings whose values are nobody's to read. */
const secretKey = /(?:^|\.)(?:secret|token|password)$/

/** Every setting that differs, in order of the first value, then of the second. */
export function differences(before: unknown, after: unknown): Difference[] {
  const old = leavesOf(before)
  const now = leavesOf(after)
  const paths = new Set([...old.keys(), ...now.keys()])
  return [...paths].flatMap((path) => {
    const from = old.get(path)
    const to = now.get(path)
    if (from === to) return []
    if (secretKey.test(path)) return [{ path, from: hidden(from), to: hidden(to) }]
    return [{ path, from: shortened(from), to: shortened(to) }]
  })
}

/** Each single value as JSON by its path; an empty map or list is as good as none. */
function leavesOf(value: unknown): Map<string, string> {
  const leaves = new Map<string, string>()
  const visit = (value: unknown, path: string): void => {
    if (value === undefined) return
    if (typeof value !== 'object' || value === null) leaves.set(path, JSON.stringify(value))
    else for (const [key, inner] of entriesOf(value)) visit(inner, path === '' ? key : `${path}.${key}`)
  }
  visit(value, '')
  return leaves
}

/** Lists of named things by name, so that one more in front changes none of the others; other lists and maps by index and key. */
function entriesOf(value: object): [string, unknown][] {
  if (!Array.isArray(value)) return Object.entries(value)
  return value.map((item: unknown, i) => [nameOf(item) ?? `${i}`, item])
}

function nameOf(item: unknown): string | undefined {
  if (typeof item !== 'object' || item === null) return undefined
  const { name, path } = item as { name?: unknown; path?: unknown }
  return typeof name === 'string' ? name : typeof path === 'string' ? path : undefined
}

function shortened(json: string | undefined): string {
  return showValue(json === undefined ? undefined : (JSON.parse(json) as unknown))
}

function hidden(json: string | undefined): string {
  return json === undefined ? 'nothing' : '(secret)'
}
