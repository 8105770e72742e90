/** Rows of events in the registry: `event!<seq, 12 digits>`, so that the order of keys is the order in which they were heard. */
import * as z from 'zod'
import type { RegistryStore } from '#controller/registry/registry-store.ts'
import type { StoredEvent } from './event.ts'

const prefix = 'event!'

const rowSchema: z.ZodType<StoredEvent> = z.object({
  seq: z.int().min(0),
  id: z.string(),
  atMs: z.number(),
  saidMs: z.number(),
  kind: z.string(),
  tenant: z.string(),
  cloud: z.string(),
  host: z.string(),
  application: z.string().optional(),
  fields: z.record(z.string(), z.unknown()),
})

/** The key of an event's row. */
export function eventKey(seq: number): string {
  return `${prefix}${String(seq).padStart(12, '0')}`
}

/** All rows in order; one of another shape is as good as none. */
export async function* readEvents(registry: Pick<RegistryStore, 'list'>): AsyncIterable<StoredEvent> {
  for await (const { value } of registry.list(prefix)) {
    const row = rowSchema.safeParse(value)
    if (row.success) yield row.data
  }
}
