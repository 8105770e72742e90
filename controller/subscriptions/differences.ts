/** What changes when subscriptions are put. Pure. */
import { LanistaError } from '#protocol/errors.ts'
import { formOf } from './form.ts'
import { targetOf } from './subscription.ts'
import type { Owned } from './subscription-rows.ts'

/** Subscriptions of all tenants together. */
const subscriptionsMax = 256
/** Characters of all their selectors together: agents are sent them in one message. */
const selectorTextMax = 131_072

/** The same, with the secret of the one before where it brings none and sends to the same target. */
export function withSecret(owned: Owned, before: Owned | undefined): Owned {
  const secret = before?.subscription.secret
  if (before === undefined || secret === undefined || owned.subscription.secret !== undefined) return owned
  if (targetOf(before.subscription.sink) !== targetOf(owned.subscription.sink)) return owned
  return { ...owned, subscription: { ...owned.subscription, secret } }
}

/** Would one that runs do exactly what the other says? */
export function isSame(a: Owned, b: Owned | undefined): boolean {
  return b !== undefined && textOf(a) === textOf(b)
}

/** Throws SUBSCRIPTIONS_LIMIT when these are too many. */
export function expectRoom(all: readonly Owned[]): void {
  if (all.length > subscriptionsMax) {
    throw limit(`remove a subscription: found ${all.length} with the new ones, expected at most ${subscriptionsMax}`)
  }
  const characters = all.reduce((sum, { subscription }) => sum + subscription.match.join('').length, 0)
  if (characters > selectorTextMax) {
    throw limit(
      `shorten selectors: found ${characters} characters in all subscriptions, expected at most ${selectorTextMax}`,
    )
  }
}

function textOf({ tenant, subscription }: Owned): string {
  return JSON.stringify([
    tenant,
    subscription.application,
    subscription.name,
    formOf(subscription),
    subscription.secret,
  ])
}

function limit(message: string): LanistaError {
  return new LanistaError('SUBSCRIPTIONS_LIMIT', message)
}
