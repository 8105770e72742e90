/** The body of an event: something that happened, said once by whoever saw it. */
import * as z from 'zod/mini'
import { LanistaError } from '#protocol/errors.ts'
import { parseJson } from './json.ts'

/** A body above this many bytes is refused. */
export const eventBytesMax = 8192

/** Everything beside `t` and `id` is the event's own; patterns of rules compare these fields. */
export interface EventMessage {
  /** Epoch milliseconds by the speaker's clock. */
  readonly t: number
  /** Tells a repeated message from a second event; absent = the body itself does. */
  readonly id?: string | undefined
  /** The application it is about. */
  readonly application?: string | undefined
  readonly [field: string]: unknown
}

const eventSchema: z.ZodMiniType<EventMessage> = z.looseObject({
  t: z.number(),
  id: z.optional(z.string().check(z.minLength(1), z.maxLength(256))),
  application: z.optional(z.string().check(z.maxLength(64))),
})

/** Throws MESSAGE_INVALID. */
export function parseEvent(body: Uint8Array): EventMessage {
  if (body.length > eventBytesMax) {
    throw new LanistaError(
      'MESSAGE_INVALID',
      `refuse the event: ${body.length} bytes, expected at most ${eventBytesMax}`,
    )
  }
  return parseJson(body, eventSchema, 'event')
}
