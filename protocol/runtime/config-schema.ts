/** Looks into a zod schema (classic or mini): which keys it knows, and what stands at a path. */
import type * as z from 'zod/mini'

/** Any zod schema of a configuration. */
export type ConfigSchema<T> = z.core.$ZodType<T>

interface Definition {
  readonly type: string
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>
  readonly innerType?: z.core.$ZodType
  readonly in?: z.core.$ZodType
  readonly element?: z.core.$ZodType
  readonly valueType?: z.core.$ZodType
}

const wrappers: ReadonlySet<string> = new Set([
  'optional',
  'nullable',
  'default',
  'prefault',
  'readonly',
  'nonoptional',
  'catch',
])

/** The definition behind optional, default and the like; of a value that is turned into another, that of what is written. */
function definitionOf(schema: z.core.$ZodType): Definition {
  const definition = schema._zod.def as unknown as Definition
  if (definition.type === 'pipe' && definition.in) return definitionOf(definition.in)
  return wrappers.has(definition.type) && definition.innerType ? definitionOf(definition.innerType) : definition
}

function childOf(schema: z.core.$ZodType, key: PropertyKey): z.core.$ZodType | undefined {
  const { type, shape, element, valueType } = definitionOf(schema)
  if (type === 'object') return shape && Object.hasOwn(shape, key) ? shape[key as string] : undefined
  return type === 'array' ? element : type === 'record' ? valueType : undefined
}

function schemaAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): z.core.$ZodType | undefined {
  let found: z.core.$ZodType | undefined = schema
  for (const key of path) found = found && childOf(found, key)
  return found
}

/** The keys an object at this path may have; none where there is no object of known keys. */
export function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  const found = schemaAt(schema, path)
  return found ? Object.keys(definitionOf(found).shape ?? {}) : []
}

/** The kind of value at a path in zod's words (`string`, `number`, `array`, `union` …), undefined for an unknown path. */
export function kindAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): string | undefined {
  const found = schemaAt(schema, path)
  return found && definitionOf(found).type
}

/** Paths of all single settings, objects of known keys opened up. */
export function settingPaths(schema: z.core.$ZodType, prefix: readonly string[] = []): readonly (readonly string[])[] {
  return keysAt(schema, prefix).flatMap((key) => {
    const path = [...prefix, key]
    return keysAt(schema, path).length > 0 ? settingPaths(schema, path) : [path]
  })
}
