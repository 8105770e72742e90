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

/** GET asks; PUT makes a named thing what the body says; DELETE removes it; POST is for whatever else changes something. */
export const routeMethods = ['GET', 'PUT', 'POST', 'DELETE'] as const
export type RouteMethod = (typeof routeMethods)[number]

/** What was sent with a request. */
export interface RequestBody {
  /** Media type without its parameters, lower case; empty when none was named. */
  readonly type: string
  /** Empty when nothing was sent, and for an archive. */
  readonly text: string
  /** Of an archive (`archiveTypes`): as it comes, of any length. Whoever reads it sets the limit. */
  readonly bytes?: AsyncIterable<Uint8Array> | undefined
}

/** Media types of bodies that are handed on unread. */
export const archiveTypes: readonly string[] = ['application/gzip', 'application/zip', 'application/x-tar']

/** What a route takes as its body; the handler parses it. */
export interface BodySpec {
  /** A longer one is refused unread, with 413; an archive by the handler. */
  readonly bytesMax: number
  /** Media types, for the document. */
  readonly types: readonly string[]
}

/** One route as data: the server, the OpenAPI document and the page are made from the same list. */
export interface Route {
  /** `/api/v1/things/:name`: what stands behind a colon is one of `parameters`. */
  readonly path: string
  /** Default GET. */
  readonly method?: RouteMethod | undefined
  /** Without it a body of more than 1 KiB is refused and no other read. */
  readonly takes?: BodySpec | undefined
  /** How long the connection may be silent before the answer, ms, where that is more than other routes may take. */
  readonly quietMs?: number | undefined
  readonly summary: string
  /** Query parameters and those of the path, all strings; unknown ones are refused. */
  readonly parameters: z.ZodObject
  /** Shape of a JSON answer, for the document and the contract tests; text answers have none. */
  readonly answer?: z.ZodType | undefined
  /** Media type of a text answer, for the document. */
  readonly produces?: string | undefined
  /** Handles parameters that fit `parameters`; the signal aborts when the client is gone. Throws LanistaError for the client to read. */
  readonly handle: (
    parameters: Readonly<Record<string, string | undefined>>,
    signal: AbortSignal,
    body: RequestBody,
  ) => RouteAnswer | Promise<RouteAnswer>
}
