/** The shape of a `RingView` as JSON, for the API's document and for those who read its answers. */
import * as z from 'zod'
import { hostStates } from '#protocol/presence/presence.ts'
import type { RingView } from './ring-view.ts'

const count = z.number().min(0)
const known = z.number().nullable()
const flag = z.boolean().nullable()
const text = z.string()

/** Field by field: a strict object of them is what is said, a loose one what is read. */
export const ringViewFields: { readonly [Key in keyof RingView]: z.ZodType<RingView[Key]> } = {
  host: text.describe('host token'),
  cloud: text,
  tenant: text,
  state: z.enum(hostStates).describe('as the controller sees it'),
  ring: z
    .enum(['member', 'absent', 'silent'])
    .describe('absent: its agent is gone, or knows no ring; silent: no answer in time'),
  zone: text.nullable(),
  position: text.nullable().describe('on the ring, 16 hexadecimal digits'),
  copies: known.describe('wanted, its own included; of a host that is gone, by what its cloud says'),
  copies_possible: known.describe('as many hosts as there are for them, at most what is wanted'),
  degree: known.describe('complete but for the last minute; of a host that is gone, those with the most samples'),
  is_under_replicated: flag,
  rebuild_in_seconds: known.describe(
    'until the copies that are too few are made anew: what is left of the grace time of silent hosts; 0 = under way; null = nothing to do',
  ),
  is_quarantined: flag.describe('somebody else lives with its identity'),
  lag_samples: known.describe('of the holder that is furthest behind'),
  lag_seconds: known,
  bytes_out: known,
  bytes_in: known,
  held_bytes: known,
  members: z.array(
    z.strictObject({
      host: text,
      zone: text,
      state: z.enum(['alive', 'suspect', 'dead', 'left']),
      dead_in_seconds: known.describe('of a suspect: what is left of its grace time'),
    }),
  ),
  holders: z.array(
    z.strictObject({
      host: text,
      stands_in_for: text.nullable().describe('the silent host whose turn it would be'),
      lag_samples: count,
      lag_seconds: count,
    }),
  ),
  held: z.array(z.strictObject({ owner: text, samples: count, bytes: count })).describe('whose copies it has'),
  held_by: z
    .array(z.strictObject({ host: text, samples: count, bytes: count }))
    .describe('who has copies of its samples'),
}
