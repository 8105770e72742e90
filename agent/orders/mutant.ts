/** Faults that can be switched on in the journal's core, for one purpose: the simulation must find each of them. Never set outside tests. */
export const journalMutants = ['started_before_synced', 'run_again_after_restart', 'replay_after_pruning'] as const
export type JournalMutant = (typeof journalMutants)[number]
