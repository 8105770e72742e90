/** Every roll-out that is under way, one look of each at the fleet at a time. */
import type { Fleet } from '#controller/instances/fleet.ts'
import type { InstanceRecord } from '#controller/instances/instance-record.ts'
import type { WantedCode } from '#controller/instances/wanted-code.ts'
import { type CodeBook, keyOf } from './code-book.ts'
import { type CodeEvent, stepNews } from './code-news.ts'
import type { CodeOwner } from './code-rows.ts'
import { limitsOf, membersOf, wantedCode } from './fleet-code.ts'
import { type RollOutStep, stepRollOut, type Watch } from './roll-out.ts'

export interface RollOutsDeps {
  readonly book: CodeBook
  readonly say: (event: Omit<CodeEvent, 'atMs'>) => void
  /** Monotonic, ms. */
  readonly monotonic: () => number
}

export class RollOuts {
  readonly #deps: RollOutsDeps
  readonly #watches = new Map<string, ReadonlyMap<string, Watch>>()
  readonly #waits = new Map<string, string>()
  /** Digests that instances are told to run, by component. */
  #used: ReadonlyMap<string, ReadonlySet<string>> = new Map()

  constructor(deps: RollOutsDeps) {
    this.#deps = deps
  }

  /** What the roll-out of a component waits for. */
  waitsOf(owner: CodeOwner): string | undefined {
    return this.#waits.get(keyOf(owner))
  }

  /** Is an instance told to run it? */
  isRun(owner: CodeOwner, sha256: string): boolean {
    return this.#used.get(keyOf(owner))?.has(sha256) ?? false
  }

  /** Another version is rolled out from now on. */
  restart(owner: CodeOwner): void {
    this.#watches.delete(keyOf(owner))
    this.#waits.delete(keyOf(owner))
  }

  /** One step of each; what instances are to run after it, by `application/component`. Throws REGISTRY_WRITE_FAILED. */
  async step(fleet: Fleet): Promise<ReadonlyMap<string, WantedCode>> {
    const records = byComponent(fleet)
    this.#used = new Map(
      [...records].map(([key, own]) => [key, new Set(own.flatMap(({ spec }) => spec.code?.sha256 ?? []))]),
    )
    const wanted = new Map<string, WantedCode>()
    for (const component of fleet.components) {
      const owner = { application: component.application, component: component.component.name }
      const key = keyOf(owner)
      const code = this.#deps.book.of(owner)
      if (code.versions.length === 0) continue
      const members = membersOf(records.get(key) ?? [], fleet)
      const watches = this.#watches.get(key) ?? new Map<string, Watch>()
      const step = stepRollOut(code.state, watches, members, limitsOf(component), this.#deps.monotonic())
      if (step.state !== code.state) await this.#turn(owner, step)
      this.#watches.set(key, step.watches)
      if (step.waits === undefined) this.#waits.delete(key)
      else this.#waits.set(key, step.waits)
      wanted.set(key, wantedCode(code, step))
    }
    return wanted
  }

  async #turn(owner: CodeOwner, { state }: RollOutStep): Promise<void> {
    const { book, say } = this.#deps
    const before = book.of(owner).state
    await book.setState(owner, state)
    for (const news of stepNews(before, state)) say({ ...owner, ...news })
  }
}

function byComponent({ records }: Fleet): ReadonlyMap<string, readonly InstanceRecord[]> {
  const found = new Map<string, InstanceRecord[]>()
  for (const record of records.values()) {
    const own = found.get(keyOf(record)) ?? []
    own.push(record)
    found.set(keyOf(record), own)
  }
  return found
}
