/** What a bundle folder says about an upgrade, and what follows for the order that asked for it. The launcher (`launch.sh`) reads the same line. */

/** Where a bundle may lie: two places that take turns. */
export const slots = ['a', 'b'] as const
export type Slot = (typeof slots)[number]
/** The one the host was installed with, which no upgrade replaces. */
export const factory = 'factory'

/** A bundle that is started and not confirmed yet. */
export interface Trial {
  /** Id of the order. */
  readonly order: string
  /** What is started again when it does not work. */
  readonly from: Slot | typeof factory
  readonly to: Slot
  /** How long it may take from a start to its confirmation, s. */
  readonly gateSeconds: number
}

/** Where the newest upgrade stands: its file's name, the trial in it, and why it was taken back. */
export interface Standing {
  readonly state: 'trial' | 'overdue' | 'confirmed' | 'rolled-back'
  readonly trial: Trial
  readonly reason?: string | undefined
}

/** What an agent that finds the order of an upgrade started does about it. */
export type Resumption =
  /** It is the new one: let it prove itself. */
  | { readonly kind: 'prove'; readonly trial: Trial }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly code: string; readonly reason: string }
  /** It is about to be ended: whoever comes next tells. */
  | { readonly kind: 'wait' }

/** One line of words, as a shell reads it. */
export function encodeTrial({ order, from, to, gateSeconds }: Trial): string {
  return `${order} ${from} ${to} ${gateSeconds}\n`
}

/** Undefined for anything else. */
export function parseTrial(line: string): Trial | undefined {
  const [order = '', from, to, gate, ...more] = line.trimEnd().split(' ')
  const isSound = /^[A-Za-z0-9_-]+$/.test(order) && /^[1-9]\d{0,4}$/.test(gate ?? '') && more.length === 0
  if (!isSound || !isSlot(to) || !(from === factory || isSlot(from))) return undefined
  return { order, from, to, gateSeconds: Number(gate) }
}

/** What to do about an order that was started by an agent that is no more. */
export function resumptionOf(order: string, standing: Standing | undefined): Resumption {
  if (standing?.trial.order !== order) {
    const reason = 'the agent ended before it switched to the new bundle: nothing was changed'
    return { kind: 'failed', code: 'UPGRADE_INTERRUPTED', reason }
  }
  switch (standing.state) {
    case 'trial':
      return { kind: 'prove', trial: standing.trial }
    case 'overdue':
      return { kind: 'wait' }
    case 'confirmed':
      return { kind: 'done' }
    case 'rolled-back': {
      const reason = `the new bundle was taken back: ${standing.reason ?? 'it was not confirmed'}`
      return { kind: 'failed', code: 'UPGRADE_ROLLED_BACK', reason }
    }
  }
}

function isSlot(text: string | undefined): text is Slot {
  return slots.some((slot) => slot === text)
}
