import { z } from 'zod'
import type { RingView } from '#controller/query/ring-view.ts'
import { ringViewFields } from '#controller/query/ring-view-shape.ts'
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

/** What the table shows of a host. */
export type RingRow = Omit<RingView, 'tenant' | 'members' | 'holders' | 'held_bytes'>

const ringSchema: z.ZodType<readonly RingView[]> = z.array(z.object(ringViewFields))

const columns: readonly Column[] = [
  { title: 'HOST', align: 'left' },
  { title: 'CLOUD', align: 'left' },
  { title: 'ZONE', align: 'left' },
  { title: 'STATE', align: 'left' },
  { title: 'RING', align: 'left' },
  { title: 'POSITION', align: 'left' },
  { title: 'COPIES', align: 'right' },
  { title: 'REBUILD', align: 'right' },
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
  for (const note of ringNotes(hosts)) terminal.note(`lanista: ${note}`)
  return hostsVerdict(answer, hosts.length > 0, terminal)
}

/** Hosts and their copies as a table. */
export function ringText(hosts: readonly RingRow[]): string {
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
      host.rebuild_in_seconds === null ? '-' : rebuildText(host.rebuild_in_seconds),
      formatNumber(host.lag_samples),
      host.lag_seconds === null ? '-' : `${host.lag_seconds}s`,
      formatBytes(host.bytes_out),
      formatBytes(host.bytes_in),
      host.held_by.map(({ host: holder }) => holder).join(' ') || '-',
      host.held.map(({ owner }) => owner).join(' ') || '-',
    ]),
  )
}

/** What a person should know: too few copies and when they are made anew, fewer hosts than copies, zones not told, clones. */
export function ringNotes(hosts: readonly RingRow[]): string[] {
  const few = hosts.filter((host) => host.is_under_replicated)
  const clones = hosts.filter((host) => host.is_quarantined)
  const clouds = [...new Set(hosts.map(({ cloud }) => cloud))]
  return [
    ...(few.length > 0 ? [`too few copies: ${few.map(fewText).join(', ')}`] : []),
    ...clouds.flatMap((cloud) =>
      cloudNotes(
        cloud,
        hosts.filter((host) => host.cloud === cloud),
      ),
    ),
    ...(clones.length > 0 ? [`two live with one identity, enrol one anew: ${clones.map(nameOf).join(', ')}`] : []),
  ]
}

function cloudNotes(cloud: string, hosts: readonly RingRow[]): string[] {
  const wanting = hosts.find(({ copies, copies_possible: possible }) => (possible ?? Infinity) < (copies ?? 0))
  const zoned = hosts.filter(({ zone }) => zone !== null && zone !== '')
  const unzoned = hosts.filter(({ zone }) => zone === '')
  const name = printable(cloud)
  return [
    ...(wanting
      ? [`${name}: ${wanting.copies} copies wanted, ${hostsText(wanting)}: ${wanting.copies_possible} kept`]
      : []),
    ...(zoned.length > 0 && unzoned.length > 0
      ? [
          `${name}: give every host its label zone: found none of ${unzoned.map(nameOf).join(', ')}, which count as one more zone`,
        ]
      : []),
  ]
}

function hostsText({ copies_possible: hosts }: RingRow): string {
  return hosts === 1 ? '1 host' : `${hosts} hosts`
}

function fewText(host: RingRow): string {
  const when = host.rebuild_in_seconds
  return `${nameOf(host)} (${host.degree} of ${host.copies_possible}${when === null ? '' : `, rebuild ${when === 0 ? 'under way' : `in ${when}s`}`})`
}

function rebuildText(seconds: number): string {
  return seconds === 0 ? 'now' : `${seconds}s`
}

function nameOf({ cloud, host }: RingRow): string {
  return printable(`${cloud}.${host}`)
}
