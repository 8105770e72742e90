/** One POST to a receiver, and what its answer means. */
import { messageOf } from '#protocol/errors.ts'
import { version } from '#protocol/runtime/version.ts'
import { refused, unavailable } from './sink.ts'

export interface Post {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

/** Characters of a refusal that are read and told. */
const reasonMax = 200
/** The longest wait a receiver may ask for, ms. */
const retryAfterMsMax = 900_000

/**
 * Resolves on any 2xx. 408, 429, 5xx and no answer are SINK_UNAVAILABLE, with `Retry-After` where it is said; everything else, redirects
 * included (a secret follows none), is SINK_REFUSED. Throws the signal's reason when aborted.
 */
export async function post({ url, headers, body }: Post, nowMs: () => number, signal: AbortSignal): Promise<void> {
  const response = await request(url, { 'user-agent': `lanista/${version}`, ...headers }, body, signal)
  if (response.ok) {
    await response.body?.cancel()
    return
  }
  const found = `HTTP ${response.status}${await reasonIn(response)}`
  const { status } = response
  if (status !== 408 && status !== 429 && status < 500) throw refused(found)
  throw unavailable(found, retryAfterOf(response.headers.get('retry-after'), nowMs()))
}

/** Seconds or a date, as ms from now, at most 15 minutes; undefined for anything else. */
export function retryAfterOf(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined
  const waitMs = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(0, waitMs), retryAfterMsMax)
}

async function request(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array,
  signal: AbortSignal,
): Promise<Response> {
  try {
    return await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
  } catch (error) {
    signal.throwIfAborted()
    const cause: unknown = error instanceof Error ? (error.cause ?? error) : error
    const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause
    throw unavailable(messageOf(first).slice(0, reasonMax))
  }
}

/** The beginning of the body, without what a terminal would obey. */
async function reasonIn({ body }: Response): Promise<string> {
  if (!body) return ''
  let text = ''
  const decoder = new TextDecoder()
  try {
    for await (const piece of body) {
      text += decoder.decode(piece as Uint8Array, { stream: true })
      if (text.length >= reasonMax) break
    }
  } catch {
    // the status says enough
  }
  const told = text
    .slice(0, reasonMax)
    .replace(/[\u0000-\u001f\u007f]+/g, ' ')
    .trim()
  return told === '' ? '' : `: ${told}`
}
