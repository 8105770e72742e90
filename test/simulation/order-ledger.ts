import { isTerminal, type TerminalState } from '#protocol/orders/states.ts'
import { Violation } from './ledger.ts'

/** What really happened to orders, against what was said of them. */
export class OrderLedger {
  readonly issued: Set<string> = new Set()
  readonly settled: Map<string, TerminalState> = new Map()
  readonly #effects = new Map<string, number>()

  effects(id: string): number {
    return this.#effects.get(id) ?? 0
  }

  /** A handler does its work. */
  effect(id: string): void {
    const count = this.effects(id) + 1
    this.#effects.set(id, count)
    if (count > 1) throw new Violation('no order has two effects', `${id} has ${count}`)
    const state = this.settled.get(id)
    if (state !== undefined) this.#check(id, state)
  }

  /** The controller has the end on its disk. */
  settle(id: string, state: string): void {
    if (!isTerminal(state)) throw new Violation('an end is terminal', `${id} ended as ${state}`)
    const before = this.settled.get(id)
    if (before !== undefined && before !== state) {
      throw new Violation('an order has one end', `${id} was ${before} and is ${state}`)
    }
    this.settled.set(id, state)
    this.#check(id, state)
  }

  #check(id: string, state: TerminalState): void {
    const count = this.effects(id)
    const fits =
      state === 'done' || state === 'failed' ? count === 1 : state === 'interrupted' || state === 'lost' || count === 0
    if (!fits) throw new Violation('the end says what happened', `${id} is ${state} with ${count} effects`)
  }

  /** Faults are over, and so is the time of every order. */
  checkAll(): void {
    for (const id of this.issued) {
      if (!this.settled.has(id)) throw new Violation('every order ends', `${id} has not`)
    }
  }
}
