import type { SubscriptionForm } from './schema.ts'
import { sinkFormOf } from './sink-form.ts'
import type { Subscription } from './subscription.ts'

/** A subscription in the form it is parsed from, without its secret: for rows and answers. */
export function formOf({
  match,
  scope,
  cloud,
  host,
  filter,
  sink,
  externalReferences,
}: Subscription): SubscriptionForm {
  const { compare, onChange } = filter
  return {
    match: match.length === 1 ? match[0] : match,
    ...(scope === undefined ? {} : { scope }),
    ...(cloud === undefined ? {} : { cloud }),
    ...(host === undefined ? {} : { host }),
    ...(compare === undefined ? {} : { [compare.with]: compare.limit }),
    ...(onChange ? { onChange } : {}),
    to: sinkFormOf(sink),
    ...(externalReferences === undefined ? {} : { externalReferences }),
  }
}
