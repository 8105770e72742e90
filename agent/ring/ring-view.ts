import type { MemberState } from './membership.ts'
import type { Ring } from './placement.ts'

/** The ring and who lives, as one agent sees them now: for those who place work on members. */
export interface RingView {
  /** Another object after each change of who is on it. */
  readonly ring: Ring
  /** Higher after each change of a member's state. */
  readonly changes: number
  readonly isLive: (host: string) => boolean
  /** Everybody known, this host included, with what became of them. */
  readonly states: () => ReadonlyMap<string, MemberState>
  /** Hosts that are to hold a host's samples, the host itself among them while it is there. */
  readonly keepersOf: (owner: string) => readonly string[]
}

/** Verbs of `ring.<asker>.<verb>.<id>` that are not the ring's own: what members say to each other of monitors. */
export const foreignVerbs: readonly string[] = ['published', 'partials', 'recall']
