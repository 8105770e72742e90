/** `lanista events`: what happened, once or as it comes. */
import { z } from 'zod'
import { parseAnswer } from './answers.ts'
import type { ControllerClient, Params } from './client.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { printable } from './table.ts'
import type { Terminal } from './terminal.ts'

export interface EventsFlags extends SharedFlags {
  readonly kind?: string | undefined
  readonly application?: string | undefined
  readonly host?: string | undefined
  readonly cloud?: string | undefined
  readonly from?: string | undefined
  readonly until?: string | undefined
  readonly limit?: string | undefined
  readonly follow?: boolean | undefined
}

interface EventAnswer {
  readonly seq: number
  readonly time_ms: number
  readonly kind: string
  readonly cloud: string
  readonly host: string
  readonly application: string | null
  readonly fields: Readonly<Record<string, unknown>>
}

const path = '/api/v1/events'
/** How long one question waits for an event; the next is asked at once. */
const wait = '10s'

const eventsSchema: z.ZodType<readonly EventAnswer[]> = z.array(
  z.looseObject({
    seq: z.number(),
    time_ms: z.number(),
    kind: z.string(),
    cloud: z.string(),
    host: z.string(),
    application: z.string().nullable(),
    fields: z.record(z.string(), z.unknown()),
  }),
)

/** The newest events that fit; with `--follow` those that come, until Ctrl-C. `--json`: one value, followed one event a line. */
export async function runEvents(flags: EventsFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const { kind, application, host, cloud, from, until, limit } = flags
  const filter = { kind, application, host, cloud }
  if (!flags.follow) {
    const answer = await client.get(path, { ...filter, from, until, limit }, terminal.stop)
    const events = parseAnswer(eventsSchema, answer, 'events')
    if (flags.json) writeJson(terminal, answer)
    else for (const event of events) terminal.write(eventLine(event))
    return 0
  }
  try {
    await follow(client, { ...filter, from: from ?? 'now', limit }, filter, flags, terminal)
  } catch (error) {
    if (!terminal.stop.aborted) throw error
  }
  return 0
}

async function follow(
  client: ControllerClient,
  first: Params,
  filter: Params,
  { json }: EventsFlags,
  terminal: Terminal,
): Promise<void> {
  const newest = await read(client, { limit: '1' }, terminal)
  let after = newest.at(-1)?.seq ?? -1
  let events = await read(client, first, terminal)
  for (;;) {
    for (const event of events) {
      after = Math.max(after, event.seq)
      if (json) writeJson(terminal, event)
      else terminal.write(eventLine(event))
    }
    events = await read(client, { ...filter, after: String(after), wait }, terminal)
  }
}

async function read(client: ControllerClient, params: Params, terminal: Terminal): Promise<readonly EventAnswer[]> {
  return parseAnswer(eventsSchema, await client.get(path, params, terminal.stop), 'events')
}

function eventLine({ time_ms: timeMs, kind, cloud, host, application, fields }: EventAnswer): string {
  const where = host === '_controller' ? 'controller' : `${cloud}.${host}`
  const about = application === null ? '' : ` ${application}`
  const says = Object.entries(fields).map(([name, value]) => `${name}=${valueText(value)}`)
  return `${printable(`${new Date(timeMs).toISOString()} ${where}${about} ${kind} ${says.join(' ')}`.trimEnd())}\n`
}

function valueText(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
}
