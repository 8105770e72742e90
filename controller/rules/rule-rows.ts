/** What is remembered of rules in the registry: where they stand, and whether somebody paused or resumed them by hand. */
import * as z from 'zod'
import type { RegistryChange, RegistryStore } from '#controller/registry/registry-store.ts'
import type { RuleMemory, Standing } from './decision.ts'

/** A row `rule!T!<application>!<rule>`. */
export interface RuleRow {
  readonly standing: readonly Standing[]
  /** Takes the place of what the application file says; absent = the file's. */
  readonly paused?: boolean | undefined
}

const rowSchema: z.ZodType<RuleRow> = z.object({
  standing: z.array(
    z.object({
      recommends: z.enum(['up', 'down', 'none', 'raise', 'nothing']),
      sinceMs: z.number(),
      isRaised: z.boolean(),
    }),
  ),
  paused: z.boolean().optional(),
})

/** Reads and makes the rows of one tenant. */
export class RuleRows {
  readonly #tenant: string

  constructor(tenant: string) {
    this.#tenant = tenant
  }

  /** All rows by `ruleId`; those of another shape are left out. */
  async read(registry: Pick<RegistryStore, 'list'>): Promise<Map<string, RuleRow>> {
    const prefix = `rule!${this.#tenant}!`
    const rows = new Map<string, RuleRow>()
    for await (const { key, value } of registry.list(prefix)) {
      const row = rowSchema.safeParse(value)
      if (row.success) rows.set(key.slice(prefix.length).replace('!', '.'), row.data)
    }
    return rows
  }

  change(application: string, rule: string, row: RuleRow | undefined): RegistryChange {
    const key = `rule!${this.#tenant}!${application}!${rule}`
    return row ? { key, value: row } : { key, remove: true }
  }

  /** When rules were judged last, epoch ms; −Infinity = never. */
  async readJudged(registry: Pick<RegistryStore, 'get'>): Promise<number> {
    const value = await registry.get(this.#judgedKey)
    return typeof value === 'number' ? value : Number.NEGATIVE_INFINITY
  }

  judged(judgedMs: number): RegistryChange {
    return { key: this.#judgedKey, value: judgedMs }
  }

  get #judgedKey(): string {
    return `rules!${this.#tenant}!judged`
  }
}

/** Is there anything to write? The time of judging alone is not. */
export function standsOtherwise(before: RuleMemory | undefined, after: RuleMemory): boolean {
  return JSON.stringify(before?.standing) !== JSON.stringify(after.standing)
}
