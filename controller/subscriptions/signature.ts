/**
 * How a webhook proves that a body is ours and fresh: `Lanista-Signature: t=<epoch seconds>,v1=<hex>`, the hex being HMAC-SHA256
 * with the subscription's secret over the bytes of `<t>.<body>`. A receiver computes the same, compares in constant time, and
 * refuses a `t` further than five minutes from its own clock; each attempt is signed anew, so nothing older is ever legitimate.
 * The form is Stripe's (docs.stripe.com/webhooks#verify-manually), so its libraries' verification code fits.
 */
import { createHmac } from 'node:crypto'

export const signatureHeader = 'Lanista-Signature'

/** The header's value for a body sent now. */
export function signatureOf(secret: string, body: string, nowMs: number): string {
  const t = Math.floor(nowMs / 1000)
  return `t=${t},v1=${createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')}`
}
