import type { Decision } from './decision.ts'
import { ruleId } from './rule-book.ts'
import { isScaling } from './summary.ts'

/** Tells decisions that change something, or have another reason than the one before of their rule, from those that say it again. */
export class News {
  readonly #said = new Map<string, string>()

  /** True the first time; `outcome` = what became of its actions. */
  isNew({ application, rule, verdict }: Decision, outcome = ''): boolean {
    const key = ruleId(application, rule)
    const says = `${verdict} ${outcome}`
    const isOther = this.#said.get(key) !== says
    this.#said.set(key, says)
    return isOther || isScaling(verdict) || verdict === 'raise'
  }

  forget(application: string, rule: string): void {
    this.#said.delete(ruleId(application, rule))
  }
}
