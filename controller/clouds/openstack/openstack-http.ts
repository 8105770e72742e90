/** One request of OpenStack over HTTP, its answer as JSON, its refusals in our words. */
import type * as z from 'zod'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { type CloudErrorCode, cloudError } from '../cloud-error.ts'

export interface HttpAsk {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: unknown
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Headers
  /** Parsed JSON; undefined when there was none. */
  readonly body: unknown
}

/** Bytes of an answer at most; a longer one is refused. */
const answerBytesMax = 32 * 1024 * 1024

/**
 * The answer, whatever its status.
 * @throws LanistaError CLOUD_TRANSIENT (no answer, or none that can be read)
 */
export async function askHttp({ method, url, headers = {}, body }: HttpAsk, signal: AbortSignal): Promise<HttpAnswer> {
  try {
    const response = await fetch(url, {
      method,
      signal,
      redirect: 'manual',
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await boundedText(response)
    const isJson = response.headers.get('content-type')?.includes('json') === true
    return {
      status: response.status,
      headers: response.headers,
      body: isJson && text !== '' ? JSON.parse(text) : undefined,
    }
  } catch (error) {
    if (error instanceof LanistaError) throw error
    throw cloudError('CLOUD_TRANSIENT', `${method} ${url} has no answer (${messageOf(error)})`, { cause: error })
  }
}

/** What a status above 299 asks of us (OpenStack API guidelines, "HTTP response codes"). Pure. */
export function httpFault({ status, body }: HttpAnswer, asked: string): LanistaError {
  const words = wordsOf(body)
  return cloudError(codeOf(status, words), `${asked} is answered ${status} ${words}`, { data: { status } })
}

function codeOf(status: number, words: string): CloudErrorCode {
  if (status === 401) return /expired/i.test(words) ? 'CLOUD_CREDENTIALS_EXPIRED' : 'CLOUD_CREDENTIALS_WRONG'
  if (status === 413 || (status === 403 && /quota|exceeded/i.test(words))) return 'CLOUD_QUOTA'
  if (status === 403) return 'CLOUD_FORBIDDEN'
  if (status === 404) return 'CLOUD_NOT_FOUND'
  if (status === 429) return 'CLOUD_THROTTLED'
  if (/no valid host/i.test(words)) return 'CLOUD_CAPACITY'
  // a conflict passes, but for a server that could be in several networks and is told none
  if (status === 409) return /multiple possible networks/i.test(words) ? 'CLOUD_INVALID' : 'CLOUD_TRANSIENT'
  if (status === 408 || status >= 500) return 'CLOUD_TRANSIENT'
  return 'CLOUD_INVALID'
}

/** `{"badRequest": {"message": "…"}}`, `{"error": {"message": "…"}}`, `{"NeutronError": {"message": "…"}}`. */
function wordsOf(body: unknown): string {
  const [inner] = typeof body === 'object' && body !== null ? (Object.values(body) as unknown[]) : []
  const message = typeof inner === 'object' && inner !== null && 'message' in inner ? inner.message : ''
  return typeof message === 'string' ? message : ''
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length
    if (bytes > answerBytesMax) {
      throw cloudError('CLOUD_INVALID', `found an answer of more than ${answerBytesMax} bytes, expected less`)
    }
    chunks.push(chunk as Uint8Array)
  }
  return Buffer.concat(chunks).toString()
}

/** A part of an answer in its shape. Throws CLOUD_TRANSIENT when it has another. */
export function shaped<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const { data, error } = schema.safeParse(value)
  if (error)
    throw cloudError('CLOUD_TRANSIENT', `found a ${what} that cannot be read (${error.message})`, { cause: error })
  return data
}
