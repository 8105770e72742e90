/** The application file as checked data: every mistake at once, each with its path. Takes what YAML or JSON meant; knows no text. */
import * as z from 'zod/mini'
import type { ConfigIssue } from '#protocol/runtime/config-issues.ts'
import { idForm, isId } from '#protocol/subjects/token.ts'
import { componentIssues } from './component-checks.ts'
import { component } from './component-schema.ts'
import { type Form, issueAt, read, textAs } from './forms.ts'
import type { Application, Component } from './model.ts'
import { portIssues } from './port-checks.ts'
import { wiringIssues } from './wiring-checks.ts'

/** Components of one application. */
const componentsMax = 200

/** Sections that are read elsewhere: monitors and rules by `#protocol/monitors`, subscriptions by the controller. */
export interface OtherSections {
  readonly monitors?: unknown
  readonly rules?: unknown
  readonly subscriptions?: unknown
}

export interface ParsedApplication {
  /** Whole only while there are no issues: a component with a mistake is left out. */
  readonly application: Application
  /** Names of all components of the file, also of those with mistakes: what others may refer to. */
  readonly componentNames: readonly string[]
  readonly sections: OtherSections
  readonly issues: readonly ConfigIssue[]
}

const id: Form<string> = textAs(idForm, (text) => (isId(text) ? text : undefined))

const fileForm = z.strictObject({
  application: id,
  components: z.optional(z.unknown()),
  monitors: z.optional(z.unknown()),
  rules: z.optional(z.unknown()),
  subscriptions: z.optional(z.unknown()),
})

/** Reads the value of a whole file. Never throws: what is wrong stands in `issues`. */
export function parseApplication(value: unknown): ParsedApplication {
  const file = isMap(value) ? value : {}
  const shape = read<unknown>(fileForm, value, [])
  const name = typeof file['application'] === 'string' && isId(file['application']) ? file['application'] : ''
  const given = file['components'] ?? {}
  const entries = isMap(given) ? Object.entries(given) : []
  const isTooMany = entries.length > componentsMax
  const parsed = entries.slice(0, componentsMax).map(([name, value]) => componentOf(name, value))
  const components = parsed.flatMap(({ component }) => (component ? [component] : []))
  const componentNames = entries.map(([name]) => name)
  const { monitors, rules, subscriptions } = file
  return {
    application: { name, components },
    componentNames,
    sections: { monitors, rules, subscriptions },
    issues: [
      ...shape.issues,
      ...(isMap(given) ? [] : [issueAt(['components'], 'a map of components by name', kindOf(given))]),
      ...(isTooMany ? [issueAt(['components'], `at most ${componentsMax}`, `${entries.length}`)] : []),
      ...parsed.flatMap(({ issues }) => issues),
      ...components.flatMap((component) => componentIssues(name, component)),
      ...wiringIssues(components, componentNames),
      ...portIssues(components),
    ],
  }
}

function componentOf(name: string, value: unknown): { component?: Component; issues: readonly ConfigIssue[] } {
  const path = ['components', name]
  if (!isId(name)) return { issues: [issueAt(path, `a name of ${idForm}`, JSON.stringify(name.slice(0, 80)))] }
  const { value: parsed, issues } = read(component, value, path)
  return parsed ? { component: { name, ...parsed }, issues } : { issues }
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'a list' : typeof value
}
