/** `lanista store …` on running agents, through the controller. */
import { z } from 'zod'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { type DumpEntry, dumpEntrySchema } from '#protocol/query/store-dump.ts'
import { dumpLine, dumpTitles, repairText } from '#protocol/query/store-text.ts'
import { hostsOf } from './client.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { type Column, renderTable } from './table.ts'
import type { Terminal } from './terminal.ts'
import { placeVerdict } from './unknown-place.ts'

export interface StoreFlags extends SharedFlags {
  readonly host?: string | undefined
  readonly cloud?: string | undefined
}

export interface ExportFlags extends StoreFlags {
  readonly from?: string | undefined
  readonly until?: string | undefined
  readonly format: 'json' | 'csv'
}

const sizes = z.object({
  series: z.number(),
  points: z.number(),
  bytes: z.number(),
  bytes_per_point: z.number(),
  areas: z.record(z.string(), z.object({ points: z.number(), bytes: z.number(), bytes_max: z.number() })),
  tiers: z.record(z.string(), z.object({ points: z.number(), bytes: z.number() })),
})

const checks = z.array(
  z.object({
    host: z.string(),
    cloud: z.string(),
    blocks: z.number(),
    pages: z.number(),
    rows: z.number(),
    samples: z.number(),
    damaged: z.number(),
  }),
)

const repairs = z.array(
  z.object({
    host: z.string(),
    cloud: z.string(),
    rows: z.number(),
    blocks: z.number(),
    pages: z.number(),
    tierBlocks: z.number(),
    damaged: z.number(),
    put_aside: z.number(),
    damages: z.array(z.object({ kind: z.string(), where: z.string(), reason: z.string() })),
    is_done: z.boolean(),
  }),
)

const sizeColumns: readonly Column[] = [
  { title: 'PART', align: 'left' },
  { title: 'POINTS', align: 'right' },
  { title: 'BYTES', align: 'right' },
  { title: 'OF', align: 'right' },
]

const checkColumns: readonly Column[] = [
  { title: 'HOST', align: 'left' },
  { title: 'CLOUD', align: 'left' },
  { title: 'BLOCKS', align: 'right' },
  { title: 'PAGES', align: 'right' },
  { title: 'ROWS', align: 'right' },
  { title: 'SAMPLES', align: 'right' },
  { title: 'DAMAGED', align: 'right' },
]

/** Sizes of all stores that answered, together. */
export async function runStoreStats(flags: StoreFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.getFromHosts('/api/v1/store', placeOf(flags), terminal.stop)
  const value = parsed(sizes, answer.value)
  if (flags.json) writeJson(terminal, value)
  else terminal.write(sizesText(value))
  return placeVerdict(answer, false, flags, client, terminal)
}

/** Lets every store read all it has: 1 when something cannot be read. */
export async function runStoreCheck(flags: StoreFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal, checkDeadlineMs)
  const answer = await client.getFromHosts('/api/v1/store/check', placeOf(flags), terminal.stop)
  const found = parsed(checks, answer.value)
  if (flags.json) writeJson(terminal, answer.value)
  else {
    const rows = found.map(({ host, cloud, blocks, pages, rows, samples, damaged }) => [
      host,
      cloud,
      ...[blocks, pages, rows, samples, damaged].map(String),
    ])
    terminal.write(renderTable(checkColumns, rows))
  }
  const verdict = await placeVerdict(answer, found.length > 0, flags, client, terminal)
  return found.some(({ damaged }) => damaged > 0) ? 1 : verdict
}

/** All samples as text on stdout, as they come. Hosts whose samples nobody has are named on stderr: 1, what was written is a part. */
export async function runStoreExport(
  match: string | undefined,
  flags: ExportFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const { from, until, format } = flags
  const client = await openClient(flags, terminal)
  const params = { match, ...placeOf(flags), from, until, format }
  const response = await client.open('/api/v1/export', params, terminal.stop)
  for await (const text of textOf(response, terminal.stop)) await terminal.writeAll(text)
  const hosts = hostsOf(response.headers)
  const verdict = await placeVerdict({ value: undefined, ...hosts }, false, flags, client, terminal)
  return hosts.unanswered === '' ? verdict : 1
}

/** Lets every store put aside what it cannot read: 1 when something could not be put aside, or a store was not done. */
export async function runStoreRepair(flags: StoreFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal, repairDeadlineMs)
  const answer = await client.postToHosts('/api/v1/store/repair', placeOf(flags), terminal.stop)
  const found = parsed(repairs, answer.value)
  if (flags.json) writeJson(terminal, answer.value)
  else terminal.write(found.map(textOfRepair).join('\n'))
  const verdict = await placeVerdict(answer, found.length > 0, flags, client, terminal)
  const unfinished = found.filter((one) => !one.is_done).map(({ host }) => host)
  if (unfinished.length > 0) terminal.note(`lanista: repair again, not done yet: ${unfinished.join(', ')}`)
  return unfinished.length > 0 || found.some((one) => one.put_aside < one.damaged) ? 1 : verdict
}

/** What lies in the store of one host, an entry a line. */
export async function runStoreDump(flags: StoreFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const pieces = textOf(await client.open('/api/v1/store/dump', placeOf(flags), terminal.stop), terminal.stop)
  let isFirst = true
  for await (const lines of wholeLines(pieces)) {
    if (flags.json) await terminal.writeAll(lines.map((line) => `${line}\n`).join(''))
    else await terminal.writeAll((isFirst ? dumpTitles : '') + lines.map((line) => dumpLine(entryOf(line))).join(''))
    isFirst = false
  }
  return 0
}

function textOfRepair({ host, cloud, is_done, ...repair }: z.infer<typeof repairs>[number]): string {
  return repairText({ host, cloud }, repair, is_done)
}

/** The text of an answer as it comes. Throws ANSWER_FAILED when it breaks off; the signal's reason. */
async function* textOf(response: Response, signal: AbortSignal): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  try {
    for await (const bytes of response.body ?? []) yield decoder.decode(bytes as Uint8Array, { stream: true })
  } catch (error) {
    signal.throwIfAborted()
    throw new LanistaError(
      'ANSWER_FAILED',
      `ask again, host by host: the answer broke off, so what was written is a part (${messageOf(error)})`,
      { cause: error },
    )
  }
}

/** The lines in text that comes in any pieces, some at a time. */
async function* wholeLines(pieces: AsyncIterable<string>): AsyncGenerator<string[]> {
  let rest = ''
  for await (const piece of pieces) {
    const lines = (rest + piece).split('\n')
    rest = lines.pop() ?? ''
    if (lines.length > 0) yield lines
  }
}

function entryOf(line: string): DumpEntry {
  try {
    return dumpEntrySchema.parse(JSON.parse(line))
  } catch (cause) {
    throw otherShape(cause)
  }
}

/** How long a check of all stores may take, ms. */
const checkDeadlineMs = 60_000
/** The same for a repair: the controller gives the stores three minutes, and each its last stretch. */
const repairDeadlineMs = 260_000

function placeOf({ host, cloud }: StoreFlags): Record<string, string | undefined> {
  return { host, cloud }
}

function sizesText({
  series,
  points,
  bytes,
  bytes_per_point: bytesPerPoint,
  areas,
  tiers,
}: z.infer<typeof sizes>): string {
  const rows = [
    ...Object.entries(areas).map(([name, area]) => [name, `${area.points}`, `${area.bytes}`, `${area.bytes_max}`]),
    ...Object.entries(tiers).map(([name, tier]) => [`tier ${name}`, `${tier.points}`, `${tier.bytes}`, '']),
    ['all', `${points}`, `${bytes}`, ''],
  ]
  return `${renderTable(sizeColumns, rows)}${series} series, ${bytesPerPoint} bytes a point without tiers\n`
}

function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw otherShape(result.error)
}

function otherShape(cause: unknown): LanistaError {
  return new LanistaError('ANSWER_INVALID', "use a lanista of the controller's version: its answer has another shape", {
    cause,
  })
}
