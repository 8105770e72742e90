/**
 * Which set of monitors it is that agents should compute: a number that is higher after each change of the set and the same after a restart
 * that changed nothing. At least the epoch seconds, so that a registry that was lost says no number twice.
 */
import { createHash } from 'node:crypto'
import * as z from 'zod'
import type { RegistryStore } from '#controller/registry/registry-store.ts'
import type { Clock } from '#protocol/runtime/clock.ts'

interface GenerationRow {
  readonly generation: number
  /** SHA-256 of the set in hexadecimal digits. */
  readonly digest: string
}

const rowSchema: z.ZodType<GenerationRow> = z.object({ generation: z.int().min(0), digest: z.string() })

/** Nobody was ever told anything: there is nothing to compute and nothing to send. */
const untold: GenerationRow = { generation: 0, digest: '' }

export interface SetGenerationDeps {
  readonly registry: Pick<RegistryStore, 'get' | 'write'>
  readonly clock: Pick<Clock, 'now'>
}

export class SetGeneration {
  readonly #key: string
  readonly #deps: SetGenerationDeps
  #row: GenerationRow

  private constructor(key: string, deps: SetGenerationDeps, row: GenerationRow) {
    this.#key = key
    this.#deps = deps
    this.#row = row
  }

  /** Goes on with the number of the last life. */
  static async open(tenant: string, deps: SetGenerationDeps): Promise<SetGeneration> {
    const key = `monitors!${tenant}`
    const row = rowSchema.safeParse(await deps.registry.get(key))
    return new SetGeneration(key, deps, row.success ? row.data : untold)
  }

  /** Of the set that was taken last; 0 = none ever. */
  get current(): number {
    return this.#row.generation
  }

  /**
   * Takes what is in force now, synced to disk before it counts; the same as before keeps its number.
   * @param set JSON; undefined = nothing at all
   * @throws LanistaError REGISTRY_WRITE_FAILED, CLOSED: the number is as before
   */
  async take(set: unknown): Promise<void> {
    if (set === undefined && this.#row.generation === 0) return
    const digest = createHash('sha256')
      .update(JSON.stringify(set ?? null))
      .digest('hex')
    if (digest === this.#row.digest) return
    const row = { generation: Math.max(this.#row.generation + 1, Math.floor(this.#deps.clock.now() / 1_000)), digest }
    await this.#deps.registry.write([{ key: this.#key, value: row }], { sync: true })
    this.#row = row
  }
}
