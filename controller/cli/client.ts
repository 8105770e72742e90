import { z } from 'zod'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { Endpoint } from './endpoint.ts'

/** Longest wait for an answer of the controller, ms. */
const answerDeadlineMs = 15_000

/** Query parameters; those without a value are left out. */
export type Params = Readonly<Record<string, string | undefined>>

export interface ClientOptions {
  readonly endpoint: Endpoint
  /** Named in the error when the token is missing or refused. */
  readonly tokensPath: string
  /** Longest wait for an answer, ms. Default `answerDeadlineMs`. */
  readonly deadlineMs?: number | undefined
}

/** An answer that hosts gave. */
export interface FromHosts {
  readonly value: unknown
  /** Hosts that answered themselves. */
  readonly answered: number
  /** Hosts that did not, by count and (some of them) by name; empty = all did. */
  readonly unanswered: string
}

type Method = 'GET' | 'PUT' | 'POST' | 'DELETE'

/** What goes along with a request. */
export interface Sent {
  readonly type: string
  /** Bytes for an archive, all at once or as they come. */
  readonly text: string | Uint8Array<ArrayBuffer> | AsyncIterable<Uint8Array>
}

/** Refusals that the very same call may not meet again: nobody used it wrongly. */
const passing: ReadonlySet<string> = new Set([
  'BUSY',
  'FORBIDDEN',
  'APPLICATION_CHANGED',
  'COUNT_CHANGED',
  'HOST_UNAVAILABLE',
  'SERVICE_NOT_RUNNING',
  'SCRIPT_RUNNING',
  'NO_SCRIPT_RUNS',
  'SECRETS_UNWRITABLE',
])

const problemSchema = z.object({ message: z.string(), code: z.string().optional() })

/** Asks one controller over its REST API with the operator's token. */
export class ControllerClient {
  readonly #options: ClientOptions

  constructor(options: ClientOptions) {
    this.#options = options
  }

  get url(): string {
    return this.#options.endpoint.url
  }

  get token(): string | undefined {
    return this.#options.endpoint.token
  }

  /**
   * The JSON answer to a GET, unchecked.
   * @throws LanistaError UNREACHABLE, UNAUTHORIZED, REQUEST_INVALID (the controller refused the question), ANSWER_FAILED; the
   * signal's reason when aborted
   */
  async get(path: string, params: Params, signal: AbortSignal): Promise<unknown> {
    return (await this.getFromHosts(path, params, signal)).value
  }

  /** The same with what the controller says of hosts that did not answer. */
  async getFromHosts(path: string, params: Params, signal: AbortSignal): Promise<FromHosts> {
    return this.#fromHosts('GET', path, params, signal)
  }

  /** The same for a POST: the controller is to have something done. Throws as `get`. */
  async postToHosts(path: string, params: Params, signal: AbortSignal): Promise<FromHosts> {
    return this.#fromHosts('POST', path, params, signal)
  }

  /** The JSON answer to a request that changes something; `sent` is its body. Throws as `get`. */
  async send(
    method: Exclude<Method, 'GET'>,
    path: string,
    params: Params,
    sent: Sent | undefined,
    signal: AbortSignal,
  ): Promise<unknown> {
    const deadline = AbortSignal.timeout(this.#deadlineMs)
    return this.#json(await this.#ask(method, path, params, signal, deadline, sent))
  }

  /** The answer to a GET whose body is still to be read, for as long as it takes. Throws as `get`. */
  async open(path: string, params: Params, signal: AbortSignal): Promise<Response> {
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), this.#deadlineMs)
    try {
      return await this.#ask('GET', path, params, signal, late.signal)
    } finally {
      clearTimeout(timer)
    }
  }

  get #deadlineMs(): number {
    return this.#options.deadlineMs ?? answerDeadlineMs
  }

  async #fromHosts(method: Method, path: string, params: Params, signal: AbortSignal): Promise<FromHosts> {
    const response = await this.#ask(method, path, params, signal, AbortSignal.timeout(this.#deadlineMs))
    return { value: await this.#json(response), ...hostsOf(response.headers) }
  }

  async #ask(
    method: Method,
    path: string,
    params: Params,
    signal: AbortSignal,
    deadline: AbortSignal,
    sent?: Sent,
  ): Promise<Response> {
    const url = new URL(path, this.url)
    for (const [key, value] of Object.entries(params)) if (value !== undefined) url.searchParams.set(key, value)
    const headers: Record<string, string> = {
      ...(this.token ? { authorization: `Bearer ${this.token}` } : {}),
      ...(sent ? { 'content-type': sent.type } : {}),
    }
    const response = await this.#fetch(url, { method, headers, body: sent?.text ?? null }, signal, deadline)
    if (response.ok) return response
    throw await this.#refusal(response)
  }

  async #fetch(
    url: URL,
    request: {
      readonly method: Method
      readonly headers: Record<string, string>
      readonly body: Sent['text'] | null
    },
    signal: AbortSignal,
    deadline: AbortSignal,
  ): Promise<Response> {
    try {
      return await fetch(url, {
        ...request,
        duplex: 'half',
        signal: AbortSignal.any([signal, deadline]),
        redirect: 'error',
      })
    } catch (error) {
      if (signal.aborted) throw signal.reason
      const found = deadline.aborted ? `no answer within ${this.#deadlineMs / 1000} s` : reasonOf(error)
      throw new LanistaError(
        'UNREACHABLE',
        `start the controller with "lanista up", or name another with --controller URL: found ${found} at ${this.url}`,
        { cause: error, data: { url: this.url } },
      )
    }
  }

  async #json(response: Response): Promise<unknown> {
    try {
      return await response.json()
    } catch (error) {
      throw answerFailed(this.url, `an answer that is no JSON (${messageOf(error)})`)
    }
  }

  async #refusal(response: Response): Promise<LanistaError> {
    if (response.status === 401) return this.#unauthorized()
    const body = problemSchema.safeParse(await response.json().catch(() => undefined))
    const message = body.success ? body.data.message : `HTTP ${response.status}`
    if ([400, 403, 404, 409, 413, 429].includes(response.status)) {
      const isPassing = body.success && passing.has(body.data.code ?? '')
      const exit = isPassing ? { exitCode: 1 } : {}
      return new LanistaError('REQUEST_INVALID', message, { data: { status: response.status, ...exit } })
    }
    return answerFailed(this.url, message)
  }

  #unauthorized(): LanistaError {
    const found = this.token ? 'a token that this controller refuses' : 'no token for this controller'
    return new LanistaError(
      'UNAUTHORIZED',
      `put a token for ${this.url} into ${this.#options.tokensPath}: found ${found}; "lanista up" writes it for the user who runs it`,
      { data: { url: this.url, tokensPath: this.#options.tokensPath } },
    )
  }
}

/** What the headers of an answer say of hosts. */
export function hostsOf(headers: Headers): Omit<FromHosts, 'value'> {
  return {
    answered: Number(headers.get('x-lanista-answered') ?? 0),
    unanswered: headers.get('x-lanista-unanswered') ?? '',
  }
}

function answerFailed(url: string, found: string): LanistaError {
  return new LanistaError('ANSWER_FAILED', `look into the controller's log: ${url} answered: ${found}`, {
    data: { url },
  })
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof AggregateError && cause.errors[0] !== undefined) return messageOf(cause.errors[0])
  return messageOf(cause ?? error)
}
