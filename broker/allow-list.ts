/** One list of the permission table, split once, so that the check before every publish costs about a microsecond. */
export class AllowList {
  readonly #literals: ReadonlySet<string>
  readonly #patterns: readonly (readonly string[])[]

  /** @param list patterns in NATS form, see `permissionsOf` */
  constructor(list: readonly string[]) {
    const isPattern = (entry: string): boolean => entry.includes('*') || entry.endsWith('>')
    this.#literals = new Set(list.filter((entry) => !isPattern(entry)))
    this.#patterns = list.filter(isPattern).map((entry) => entry.split('.'))
  }

  /** Is every subject that `text` (literal or pattern) matches inside the list? The rule is `isInside`'s. */
  allows(text: string): boolean {
    if (this.#literals.has(text)) return true
    const tokens = text.split('.')
    return this.#patterns.some((pattern) => isInsideTokens(pattern, tokens))
  }
}

function isInsideTokens(outer: readonly string[], inner: readonly string[]): boolean {
  for (let i = 0; i < outer.length; i++) {
    if (outer[i] === '>') return i === outer.length - 1 && inner.length > i
    if (i >= inner.length || inner[i] === '>') return false
    if (outer[i] !== '*' && outer[i] !== inner[i]) return false
  }
  return outer.length === inner.length
}
