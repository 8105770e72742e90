import type * as z from 'zod'

/** What a handler answers: JSON by default, or text of a type of its own. */
export interface RouteAnswer {
  /** Default 200. */
  readonly status?: number | undefined
  /** Default `application/json; charset=utf-8`. */
  readonly contentType?: string | undefined
  /** Text is sent as it is, a TextStream piece by piece, anything else as JSON. */
  readonly body: unknown
  /** More response headers. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** A body that is made while it is sent. When it throws, the connection is broken off, so that nobody takes a part for the whole. */
export class TextStream {
  /** UTF-8 where they are bytes. */
  readonly pieces: Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>

  constructor(pieces: TextStream['pieces']) {
    this.pieces = pieces
  }
}

/** One route as data: the server, the OpenAPI document and the page are made from the same list. */
export interface Route {
  readonly path: string
  /** Default GET; POST for what changes something, even if it is for a store to put damage aside. No route takes a body. */
  readonly method?: 'GET' | 'POST' | undefined
  /** How long the connection may be silent before the answer, ms, where that is more than other routes may take. */
  readonly quietMs?: number | undefined
  readonly summary: string
  /** Query parameters, all strings; unknown ones are refused. */
  readonly parameters: z.ZodObject
  /** Shape of a JSON answer, for the document and the contract tests; text answers have none. */
  readonly answer?: z.ZodType | undefined
  /** Media type of a text answer, for the document. */
  readonly produces?: string | undefined
  /** Handles parameters that fit `parameters`; the signal aborts when the client is gone. Throws LanistaError for the client to read. */
  readonly handle: (
    parameters: Readonly<Record<string, string | undefined>>,
    signal: AbortSignal,
  ) => RouteAnswer | Promise<RouteAnswer>
}
