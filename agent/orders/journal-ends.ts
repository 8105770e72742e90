import type { Refusal } from './journal-events.ts'

/** An order that a newer one for its key has overtaken. */
export const supersededHere: Refusal & { readonly state: 'superseded' } = {
  state: 'superseded',
  code: 'SUPERSEDED',
  reason: 'a newer order for the same key came before it was started',
}

/** An order that waited here for too long. */
export const expiredHere: Refusal & { readonly state: 'expired' } = {
  state: 'expired',
  code: 'EXPIRED',
  reason: 'its time was over before it could be started',
}
