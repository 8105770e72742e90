import type { HostAnswer } from './answers.ts'
import { formatAge, formatNumber, formatPercent, formatRate } from './figures.ts'
import { type Column, tableLines } from './table.ts'

const columns: readonly Column[] = [
  { title: 'HOST', align: 'left' },
  { title: 'CLOUD', align: 'left' },
  { title: 'STATE', align: 'left' },
  { title: 'CPU', align: 'right' },
  { title: 'MEMORY', align: 'right' },
  { title: 'DISK', align: 'right' },
  { title: 'NETWORK', align: 'right' },
  { title: 'SAMPLES/S', align: 'right' },
  { title: 'LAG', align: 'right' },
  { title: 'CARBON', align: 'left' },
  { title: 'VERSION', align: 'left' },
  { title: 'PID', align: 'right' },
  { title: 'SEEN', align: 'right' },
]

/** Hosts and their vital signs as the lines of a table; `nowMs` is the reader's clock. */
export function hostTableLines(hosts: readonly HostAnswer[], nowMs: number): string[] {
  return tableLines(
    columns,
    hosts.map((host) => [
      host.id,
      host.cloud,
      host.state,
      formatPercent(host.vitals?.cpu),
      formatPercent(host.vitals?.memory),
      formatPercent(host.vitals?.disk),
      formatRate(host.vitals?.network),
      formatNumber(host.samples_per_second),
      formatNumber(host.lag_samples),
      host.carbon ?? '-',
      host.version ?? '-',
      formatNumber(host.pid),
      host.last_seen_ms === null || host.last_seen_ms === undefined ? '-' : formatAge(nowMs - host.last_seen_ms),
    ]),
  )
}
