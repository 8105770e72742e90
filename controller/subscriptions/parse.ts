/** Subscriptions out of what people wrote, with every mistake and its path. Never throws. */
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { compileGlob } from '#protocol/metrics/glob.ts'
import { compileSelector } from '#protocol/metrics/selector.ts'
import { comparisons, monitorMetric } from '#protocol/monitors/model.ts'
import { type ConfigIssue, issuesOf } from '#protocol/runtime/config-issues.ts'
import { showValue } from '#protocol/schema-words.ts'
import { idForm, isId } from '#protocol/subjects/token.ts'
import { type SubscriptionForm, subscriptionSchema } from './schema.ts'
import { parseSink } from './sink-form.ts'
import type { Subscription, SubscriptionFilter } from './subscription.ts'

export interface ParseContext {
  /** Whose file it is; absent for a subscription made by itself. */
  readonly application?: string | undefined
  /** Names that `monitor:` may say; absent = not checked. */
  readonly monitors?: readonly string[] | undefined
  /** Path of the section, for messages; empty for the top. */
  readonly path?: readonly string[] | undefined
}

export interface ParsedSubscriptions {
  /** Those without a mistake. */
  readonly subscriptions: readonly Subscription[]
  readonly issues: readonly ConfigIssue[]
}

/** Subscriptions of one application. */
const sectionMax = 64

/** The section `subscriptions` of an application file: forms by name. */
export function parseSubscriptions(section: unknown, context: ParseContext = {}): ParsedSubscriptions {
  const path = context.path ?? ['subscriptions']
  if (section === undefined || section === null) return { subscriptions: [], issues: [] }
  if (typeof section !== 'object' || Array.isArray(section)) {
    return { subscriptions: [], issues: [mistake(path, 'a map of subscriptions by name', section)] }
  }
  const entries = Object.entries(section)
  if (entries.length > sectionMax) {
    const found = `${entries.length} of them`
    return { subscriptions: [], issues: [{ ...mistake(path, `at most ${sectionMax} subscriptions`, 0), found }] }
  }
  const parsed = entries.map(([name, form]) => parseSubscription(name, form, { ...context, path: [...path, name] }))
  return {
    subscriptions: parsed.flatMap(({ subscription }) => (subscription ? [subscription] : [])),
    issues: parsed.flatMap(({ issues }) => issues),
  }
}

/** One subscription; `subscription` is absent when there are issues. */
export function parseSubscription(
  name: string,
  form: unknown,
  context: ParseContext = {},
): { readonly subscription?: Subscription; readonly issues: readonly ConfigIssue[] } {
  const path = context.path ?? []
  const issues = isId(name) ? [] : [mistake(path, `a name of ${idForm}`, name)]
  const result = subscriptionSchema.safeParse(form)
  if (!result.success) return { issues: [...issues, ...shapeIssues(result.error.issues, form, path)] }
  const { sink, secret, issues: sinkIssues } = parseSink(result.data.to, [...path, 'to'], name)
  const match = selectorsOf(result.data, context)
  issues.push(...meaningIssues(result.data, match, context), ...sinkIssues)
  if (!sink || issues.length > 0) return { issues }
  const { scope, cloud, host, externalReferences } = result.data
  const { application } = context
  const filter = filterOf(result.data)
  return {
    subscription: { name, application, match, scope, cloud, host, filter, sink, secret, externalReferences },
    issues,
  }
}

/** The same for a request; throws SUBSCRIPTION_INVALID with every mistake in `data.issues`. */
export function requireSubscription(name: string, form: unknown, context: ParseContext = {}): Subscription {
  const { subscription, issues } = parseSubscription(name, form, context)
  if (subscription) return subscription
  const lines = issues.map(({ path, expected, says, found }) => {
    const text = says ?? `expected ${expected}, found ${found}`
    return path === '' ? text : `${path}: ${text}`
  })
  throw new LanistaError('SUBSCRIPTION_INVALID', `correct the subscription: ${lines.join('; ')}`, { data: { issues } })
}

function shapeIssues(issues: Parameters<typeof issuesOf>[1], form: unknown, path: readonly string[]): ConfigIssue[] {
  const found = issuesOf(
    subscriptionSchema,
    issues,
    (at) => valueAt(form, at),
    () => '',
  )
  return found.map((issue) => ({ ...issue, path: [...path, ...(issue.path === '' ? [] : [issue.path])].join('.') }))
}

/** What the schema cannot say: what must go together, and what must be readable. */
function meaningIssues(form: SubscriptionForm, match: readonly string[], context: ParseContext): ConfigIssue[] {
  const path = context.path ?? []
  const at = (key: string, expected: string, found: unknown): ConfigIssue => mistake([...path, key], expected, found)
  const issues: ConfigIssue[] = []
  if (form.match !== undefined && form.monitor !== undefined) {
    issues.push(at('monitor', 'match or monitor, one of them', form.monitor))
  } else if (match.length === 0) {
    const isOwn = form.monitor === undefined || context.application !== undefined
    issues.push(
      isOwn ? at('match', 'a selector', form.match) : at('monitor', 'match: monitor.APPLICATION.MONITOR', form.monitor),
    )
  }
  if (form.monitor !== undefined && context.monitors?.includes(form.monitor) === false) {
    issues.push(at('monitor', `one of ${context.monitors.join(', ') || 'no monitors'}`, form.monitor))
  }
  const given = comparisons.filter((comparison) => form[comparison] !== undefined)
  if (given.length > 1)
    issues.push(at(given[1] as string, `one comparison beside ${given[0]}`, form[given[1] ?? 'above']))
  if (form.scope === 'cross-cloud' && form.cloud !== undefined) {
    issues.push(at('cloud', 'no cloud: results of the scope cross-cloud belong to none', form.cloud))
  }
  if (form.scope !== undefined && form.scope !== 'host' && form.host !== undefined) {
    issues.push(at('host', `no host: results of the scope ${form.scope} belong to none`, form.host))
  }
  for (const text of match) issues.push(...faultOf([...path, 'match'], text, compileSelector))
  for (const key of ['cloud', 'host'] as const) issues.push(...faultOf([...path, key], form[key], compileGlob))
  return issues
}

function selectorsOf({ match, monitor }: SubscriptionForm, { application }: ParseContext): string[] {
  if (match !== undefined) return typeof match === 'string' ? [match] : [...match]
  return monitor !== undefined && application !== undefined ? [monitorMetric(application, monitor)] : []
}

function filterOf(form: SubscriptionForm): SubscriptionFilter {
  const comparison = comparisons.find((name) => form[name] !== undefined)
  const limit = comparison && form[comparison]
  return {
    ...(comparison !== undefined && limit !== undefined ? { compare: { with: comparison, limit } } : {}),
    onChange: form.onChange ?? false,
  }
}

function faultOf(path: readonly string[], text: string | undefined, compile: (text: string) => unknown): ConfigIssue[] {
  if (text === undefined) return []
  try {
    compile(text)
    return []
  } catch (error) {
    return [{ ...mistake(path, 'a selector', text), says: messageOf(error) }]
  }
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let found = value
  for (const key of path) found = (found as Readonly<Record<PropertyKey, unknown>> | undefined | null)?.[key]
  return found
}

function mistake(path: readonly string[], expected: string, found: unknown): ConfigIssue {
  return { path: path.join('.'), expected, found: showValue(found), origin: '' }
}
