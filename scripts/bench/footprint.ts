/** What one agent with the default sensors costs the machine: after a minute's rest, over `minutes`, on both brokers. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { startFleet } from './fleet.ts'
import { printTable, type Row } from './report.ts'

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK']).toString())

export async function benchFootprint(minutes: number): Promise<void> {
  const rows: Row[] = []
  for (const broker of ['nats', 'embedded'] as const) rows.push(await measure(broker, minutes))
  printTable(`Agent with the default sensors every 10 s, over ${minutes} min`, rows)
}

async function measure(broker: 'embedded' | 'nats', minutes: number): Promise<Row> {
  await using fleet = await startFleet(broker)
  const pid = await agentPid(fleet.ready.http, fleet.ready.operator.password)
  await sleep(20_000)
  const before = cpuSeconds(pid)
  await sleep(minutes * 60_000)
  const cpuSecondsPerMinute = (cpuSeconds(pid) - before) / minutes
  return {
    broker,
    'RSS MiB': memoryMib(pid, 'VmRSS').toFixed(1),
    'peak MiB': memoryMib(pid, 'VmHWM').toFixed(1),
    'CPU s/min': cpuSecondsPerMinute.toFixed(3),
    '% of a core': ((cpuSecondsPerMinute / 60) * 100).toFixed(2),
  }
}

/** Process id of the fleet's first agent. */
export async function agentPid(http: string, token: string): Promise<number> {
  const response = await fetch(`${http}/api/v1/hosts`, { headers: { authorization: `Bearer ${token}` } })
  const [host] = (await response.json()) as { pid: number }[]
  if (!host) throw new Error('the fleet has no host')
  return host.pid
}

/** User and system time of a process so far. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** A field of `/proc/PID/status`. */
export function memoryMib(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1024
}
