/** `lanista monitors`: what is computed of the metrics, where, and what came of it last. */
import { z } from 'zod'
import type { MonitorValue, MonitorView } from '#controller/applications/monitor-list.ts'
import { formatDuration } from '#protocol/runtime/time.ts'
import { parseAnswer, type Read } from './answers.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { formatAge, formatNumber, formatPercent } from './figures.ts'
import { hostsVerdict } from './hosts-verdict.ts'
import { type Column, renderTable } from './table.ts'
import type { Terminal } from './terminal.ts'

export interface MonitorsFlags extends SharedFlags {
  readonly application?: string | undefined
}

/** Of a monitor, what is shown of it. */
export interface MonitorAnswer extends Read<Omit<MonitorView, 'metric' | 'kind' | 'rule' | 'values'>> {
  readonly values: readonly Pick<MonitorValue, 'value' | 'timestamp_ms'>[]
}

const monitorsSchema: z.ZodType<readonly MonitorAnswer[]> = z.array(
  z.object({
    application: z.string(),
    name: z.string(),
    scope: z.string(),
    computed: z.string(),
    of: z.string(),
    function: z.string().nullable(),
    window: z.string().nullable(),
    every_ms: z.number(),
    coverage: z.number(),
    values: z.array(z.object({ value: z.number(), timestamp_ms: z.number() })),
    more: z.number(),
  }),
)

const columns: readonly Column[] = [
  { title: 'APPLICATION', align: 'left' },
  { title: 'MONITOR', align: 'left' },
  { title: 'SCOPE', align: 'left' },
  { title: 'OF', align: 'left' },
  { title: 'FUNCTION', align: 'left' },
  { title: 'WINDOW', align: 'right' },
  { title: 'EVERY', align: 'right' },
  { title: 'COVERAGE', align: 'right' },
  { title: 'COMPUTED', align: 'left' },
  { title: 'VALUE', align: 'right' },
  { title: 'AGE', align: 'right' },
]

/** Every monitor of the applications, or of one; hosts that did not answer are named on stderr. */
export async function runMonitors(flags: MonitorsFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.getFromHosts('/api/v1/monitors', { application: flags.application }, terminal.stop)
  const monitors = parseAnswer(monitorsSchema, answer.value, 'monitors')
  if (flags.json) writeJson(terminal, answer.value)
  else terminal.write(monitorsText(monitors, Date.now()))
  return hostsVerdict(answer, monitors.length > 0, terminal)
}

/** The table; of several values how many there are, the lowest and the highest. */
export function monitorsText(monitors: readonly MonitorAnswer[], nowMs: number): string {
  return renderTable(
    columns,
    monitors.map((monitor) => [
      monitor.application,
      monitor.name,
      monitor.scope,
      monitor.of,
      monitor.function ?? '-',
      monitor.window ?? '-',
      formatDuration(monitor.every_ms),
      formatPercent(monitor.coverage * 100),
      monitor.computed,
      valueOf(monitor),
      ageOf(monitor, nowMs),
    ]),
  )
}

function valueOf({ values, more }: MonitorAnswer): string {
  const numbers = values.map(({ value }) => value)
  if (numbers.length <= 1) return formatNumber(numbers[0])
  const ends = `${formatNumber(Math.min(...numbers))}..${formatNumber(Math.max(...numbers))}`
  return `${numbers.length}${more > 0 ? ` of ${numbers.length + more}` : ''}: ${ends}`
}

function ageOf({ values }: MonitorAnswer, nowMs: number): string {
  return values.length === 0 ? '-' : formatAge(nowMs - Math.max(...values.map(({ timestamp_ms }) => timestamp_ms)))
}
