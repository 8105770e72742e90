/** The text of an application file, and where in it something stands. YAML; JSON is YAML, too. */
import { type Document, isCollection, isMap, isNode, isPair, isScalar, LineCounter, parseDocument } from 'yaml'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { isNestedBeyond } from '#protocol/runtime/yaml-levels.ts'

/** Bytes of an application file with all that was put into it. */
export const fileBytesMax = 1_048_576
const aliasesMax = 100
const levelsMax = 64

/** A place in a file, both from 1. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** A mistake in an application file, as `APPLICATION_INVALID` lists it in `data.issues`. */
export interface FileIssue {
  /** Dotted, empty for the whole file. */
  readonly path: string
  /** Found and expected, in one sentence. */
  readonly says: string
  readonly place?: Place | undefined
}

export interface ApplicationDocument {
  /** What messages call it. */
  readonly name: string
  readonly yaml: Document
  /** The place of a dotted path, or of the nearest thing around it that has one. */
  placeOf(path: string): Place | undefined
}

/** Reads the text as YAML; what it means is not looked at. Throws APPLICATION_INVALID, for what is nested too deep before it is parsed. */
export function parseApplicationDocument(text: string, name: string): ApplicationDocument {
  if (Buffer.byteLength(text) > fileBytesMax) {
    throw invalidFile(name, [
      { path: '', says: `expected at most ${fileBytesMax} bytes, found ${Buffer.byteLength(text)}` },
    ])
  }
  if (isNestedBeyond(levelsMax, text)) throw nestedTooDeep(name)
  const lines = new LineCounter()
  // with the level silent it would take the first of several documents
  const yaml = parseDocument(text, { logLevel: 'error', lineCounter: lines, merge: true, prettyErrors: false })
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  if (yaml.errors.length > 0) {
    const issues = yaml.errors.map(({ code, message, pos }) => ({
      path: '',
      says: code === 'MULTIPLE_DOCS' ? 'expected one document, found another' : `expected YAML or JSON: ${message}`,
      place: placeAt(pos[0]),
    }))
    throw invalidFile(name, issues)
  }
  return {
    name,
    yaml,
    placeOf: (path) => {
      const offset = offsetOf(yaml.contents, path, undefined)
      return offset === undefined ? undefined : placeAt(offset)
    },
  }
}

/** What the document means. Throws APPLICATION_INVALID for aliases that grow or go round without end, and for what is nested too deep. */
export function valueOf({ yaml, name }: ApplicationDocument): unknown {
  let value: unknown
  try {
    value = yaml.toJS({ maxAliasCount: aliasesMax })
  } catch (error) {
    throw invalidFile(name, [{ path: '', says: `expected fewer aliases: ${messageOf(error)}` }])
  }
  if (levelsOf(value, 0, new Map()) <= levelsMax) return value
  throw nestedTooDeep(name)
}

function nestedTooDeep(name: string): LanistaError {
  return invalidFile(name, [{ path: '', says: `expected at most ${levelsMax} levels of maps and lists, found more` }])
}

/** Levels of nesting, more than `levelsMax` for a circle; each map and list is looked at once. */
function levelsOf(value: unknown, above: number, known: Map<object, number>): number {
  if (typeof value !== 'object' || value === null) return 0
  const found = known.get(value)
  if (found !== undefined) return found
  if (above >= levelsMax) return levelsMax + 1
  known.set(value, levelsMax + 1) // what it finds who comes back here while it is still being looked at
  const levels = 1 + Math.max(0, ...Object.values(value).map((inner) => levelsOf(inner, above + 1, known)))
  known.set(value, levels)
  return levels
}

/** Mistakes told at once; the others are counted. */
const issuesMax = 200

/** APPLICATION_INVALID with every issue, one a line: `shop.yaml:12:5 components.web.image: expected …, found …`. */
export function invalidFile(name: string, issues: readonly FileIssue[]): LanistaError {
  const told = issues.slice(0, issuesMax)
  const lines = told.map(({ path, says, place }) => {
    const where = place ? `${name}:${place.line}:${place.column}` : name
    return `${where} ${path === '' ? '' : `${path}: `}${says}`
  })
  const more = issues.length - told.length
  const text = [...lines, ...(more > 0 ? [`and ${more} more`] : [])].join('\n')
  return new LanistaError('APPLICATION_INVALID', `correct the application file:\n${text}`, {
    data: { issues: told, more },
  })
}

/** Dotted paths have no borders where keys have dots: of a map's keys the longest that fits is taken. */
function offsetOf(node: unknown, path: string, around: number | undefined): number | undefined {
  const here = isNode(node) && node.range ? node.range[0] : around
  if (path === '' || !isCollection(node)) return here
  if (!isMap(node)) {
    const [index = '', ...rest] = path.split('.')
    const item = /^\d{1,9}$/.test(index) ? node.items[Number(index)] : undefined
    return item === undefined ? here : offsetOf(item, rest.join('.'), here)
  }
  const fitting = node.items
    .filter(isPair)
    .map((pair) => ({ key: keyOf(pair.key), pair }))
    .filter(({ key }) => path === key || path.startsWith(`${key}.`))
    .sort((a, b) => b.key.length - a.key.length)
  const [best] = fitting
  if (!best) return around ?? here
  const atKey = isNode(best.pair.key) && best.pair.key.range ? best.pair.key.range[0] : here
  const rest = path.slice(best.key.length + 1)
  return rest === '' ? atKey : offsetOf(best.pair.value, rest, atKey)
}

function keyOf(key: unknown): string {
  return String(isScalar(key) ? key.value : key)
}
