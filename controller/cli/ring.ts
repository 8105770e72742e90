import { z } from 'zod'
import { parseAnswer } from './answers.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { formatBytes, formatNumber } from './figures.ts'
import { hostsVerdict } from './hosts-verdict.ts'
import { type Column, printable, renderTable } from './table.ts'
import type { Terminal } from './terminal.ts'

export interface RingFlags extends SharedFlags {
  readonly cloud?: string | undefined
}

/** A host as `GET /api/v1/ring` lists it. */
export interface RingAnswer {
  readonly host: string
  readonly cloud: string
  readonly state: string
  readonly ring: string
  readonly zone: string | null
  readonly position: string | null
  readonly copies: number | null
  readonly degree: number | null
  readonly is_under_replicated: boolean | null
  readonly is_quarantined: boolean | null
  readonly lag_samples: number | null
  readonly lag_seconds: number | null
  readonly bytes_out: number | null
  readonly bytes_in: number | null
  readonly held: readonly { readonly owner: string }[]
  readonly held_by: readonly { readonly host: string }[]
}

const figure = z.number().nullable()
const flag = z.boolean().nullable()

const ringSchema: z.ZodType<readonly RingAnswer[]> = z.array(
  z.object({
    host: z.string(),
    cloud: z.string(),
    state: z.string(),
    ring: z.string(),
    zone: z.string().nullable(),
    position: z.string().nullable(),
    copies: figure,
    degree: figure,
    is_under_replicated: flag,
    is_quarantined: flag,
    lag_samples: figure,
    lag_seconds: figure,
    bytes_out: figure,
    bytes_in: figure,
    held: z.array(z.object({ owner: z.string() })),
    held_by: z.array(z.object({ host: z.string() })),
  }),
)

const columns: readonly Column[] = [
  { title: 'HOST', align: 'left' },
  { title: 'CLOUD', align: 'left' },
  { title: 'ZONE', align: 'left' },
  { title: 'STATE', align: 'left' },
  { title: 'RING', align: 'left' },
  { title: 'POSITION', align: 'left' },
  { title: 'COPIES', align: 'right' },
  { title: 'LAG', align: 'right' },
  { title: 'BEHIND', align: 'right' },
  { title: 'OUT', align: 'right' },
  { title: 'IN', align: 'right' },
  { title: 'HELD BY', align: 'left' },
  { title: 'HOLDS', align: 'left' },
]

/** `lanista ring`: every host in the ring of its cloud; those with too few copies, and clones, are named on stderr. */
export async function runRing(flags: RingFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.getFromHosts('/api/v1/ring', { cloud: flags.cloud }, terminal.stop)
  const hosts = parseAnswer(ringSchema, answer.value, 'ring')
  if (flags.json) writeJson(terminal, answer.value)
  else terminal.write(ringText(hosts))
  const named = (those: readonly RingAnswer[]): string =>
    those.map(({ cloud, host }) => printable(`${cloud}.${host}`)).join(', ')
  const few = hosts.filter((host) => host.is_under_replicated)
  if (few.length > 0) terminal.note(`lanista: too few copies: ${named(few)}`)
  const clones = hosts.filter((host) => host.is_quarantined)
  if (clones.length > 0) terminal.note(`lanista: two live with one identity, enrol one anew: ${named(clones)}`)
  return hostsVerdict(answer, hosts.length > 0, terminal)
}

/** Hosts and their copies as a table. */
export function ringText(hosts: readonly RingAnswer[]): string {
  return renderTable(
    columns,
    hosts.map((host) => [
      host.host,
      host.cloud,
      host.zone || '-',
      host.state,
      host.ring,
      host.position ?? '-',
      host.degree === null ? '-' : `${host.degree}/${formatNumber(host.copies)}`,
      formatNumber(host.lag_samples),
      host.lag_seconds === null ? '-' : `${host.lag_seconds}s`,
      formatBytes(host.bytes_out),
      formatBytes(host.bytes_in),
      host.held_by.map(({ host: holder }) => holder).join(' ') || '-',
      host.held.map(({ owner }) => owner).join(' ') || '-',
    ]),
  )
}
