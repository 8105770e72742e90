/** Faults that can be switched on in the core of orders, for one purpose: the simulation must find each of them. Never set outside tests. */
export const orderMutants = ['sent_before_synced', 'sent_to_other_journal'] as const
export type OrderMutant = (typeof orderMutants)[number]
