/** What the rule engine follows: the applications of one tenant as it sees them. */
import type { WantedCounts } from '#controller/rules/registry-executor.ts'
import type { RuleBook, RuleContext } from '#controller/rules/rule-book.ts'
import { isLanistaError } from '#protocol/errors.ts'
import type { ApplicationFile } from './application-file.ts'
import type { ApplicationRegistry } from './application-registry.ts'

/** Rules by application; the context of an application that was not applied anew is the same object as before. */
export function ruleBookOf(applications: ApplicationRegistry, tenant: string): RuleBook {
  const known = new WeakMap<ApplicationFile, RuleContext>()
  const contextOf = (file: ApplicationFile): RuleContext => {
    const context = known.get(file) ?? ruleContext(file)
    known.set(file, context)
    return context
  }
  return {
    contexts: () => applications.list(tenant).flatMap(({ file }) => (file ? [contextOf(file)] : [])),
    onChange: (listener) =>
      applications.onChange((change) => {
        if (change.tenant === tenant && change.kind !== 'scaled') listener()
      }),
  }
}

/** The counts that rules change. */
export function wantedCountsOf(applications: ApplicationRegistry, tenant: string, signal: AbortSignal): WantedCounts {
  return {
    wanted: (application, component) => applications.wanted(tenant, application, component),
    change: async (application, component, { from, to }, also) => {
      try {
        await applications.scale(tenant, { application, component, from, to }, signal, also)
        return true
      } catch (error) {
        if (isLanistaError(error, 'COUNT_CHANGED') || isLanistaError(error, 'NOT_FOUND')) return false
        throw error
      }
    },
  }
}

/** What the rule engine needs of a file. */
export function ruleContext({ name, rules, monitors, components }: ApplicationFile): RuleContext {
  return {
    application: name,
    rules,
    monitors,
    components: new Map(components.map(({ name, instances: { min, max } }) => [name, { min, max }])),
  }
}
