/** How an order can end. Exactly one of them, once: what is terminal never changes again. */
export const terminalStates = [
  /** Its handler did it. */
  'done',
  /** Its handler could not, and says why. */
  'failed',
  /** The agent does not take it: signature, target, allow-list, no such verb. */
  'refused',
  /** Not started before its expiry, in controller time. */
  'expired',
  /** Not started before a newer order for the same key came. */
  'superseded',
  /** Started, and the agent ended before the outcome was on its disk. Never run again. */
  'interrupted',
  /** The host is gone for good, or its journal is another one: nobody can tell. */
  'lost',
] as const
export type TerminalState = (typeof terminalStates)[number]

/** Where an order can be before its end: `queued` was never sent; once it is `sent`, only the agent's journal decides. */
const openStates = ['queued', 'sent', 'received', 'started'] as const
type OpenState = (typeof openStates)[number]

/** As the controller keeps it. */
export type OrderState = OpenState | TerminalState
export const orderStates: readonly OrderState[] = [...openStates, ...terminalStates]

/** As people are shown it: an order that was sent, is past its expiry and has no answer is `unknown`. */
export type ShownState = OrderState | 'unknown'
export const shownStates: readonly ShownState[] = [...orderStates, 'unknown']

/** As the agent's journal has it: what comes before it, and that nobody can tell any more, only the controller knows. */
export type JournalState = Exclude<OrderState, 'queued' | 'sent' | 'lost'>
export const journalStates: readonly JournalState[] = orderStates.filter(
  (state): state is JournalState => state !== 'queued' && state !== 'sent' && state !== 'lost',
)

const terminal: ReadonlySet<string> = new Set(terminalStates)

export function isTerminal(state: string): state is TerminalState {
  return terminal.has(state)
}
