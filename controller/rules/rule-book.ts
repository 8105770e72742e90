/** Which rules there are, for which components: what the engine follows. */
import type { Monitor } from '#protocol/monitors/model.ts'
import type { Rule } from '#protocol/monitors/rule.ts'

/** The rules of one application, with what they are about. */
export interface RuleContext {
  readonly application: string
  readonly rules: readonly Rule[]
  /** All of the application, those made for leaves included. */
  readonly monitors: readonly Monitor[]
  /** By name: what the instance count may be. */
  readonly components: ReadonlyMap<string, { readonly min: number; readonly max: number }>
}

/** A rule as people name it, and a key among all: `shop.grow`. Neither name has a dot in it. */
export function ruleId(application: string, rule: string): string {
  return `${application}.${rule}`
}

/** A context that is the same object as before has not changed. */
export interface RuleBook {
  contexts(): readonly RuleContext[]
  /** Calls `listener` after each change, until the returned function is called. */
  onChange(listener: () => void): () => void
}

/** The in-memory form, for tests. */
export class MemoryRuleBook implements RuleBook {
  readonly #listeners = new Set<() => void>()
  #contexts: readonly RuleContext[]

  constructor(contexts: readonly RuleContext[] = []) {
    this.#contexts = contexts
  }

  contexts(): readonly RuleContext[] {
    return this.#contexts
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Puts other contexts in place of all. */
  set(contexts: readonly RuleContext[]): void {
    this.#contexts = contexts
    for (const listener of this.#listeners) listener()
  }
}
