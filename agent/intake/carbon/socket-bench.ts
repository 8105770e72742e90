/** How many lines a second go from a socket into the head of a store, on one core. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { CarbonServer } from './carbon-server.ts'
import { ColumnSink } from './parser-bench.ts'

export interface SocketBench {
  readonly series: number
  readonly lines: number
  /** By the wall clock, from first connection to the client hearing that all was read. */
  readonly linesPerSecond: number
  /** By this process's CPU time, kernel included: what one core does, whatever else the machine is at. */
  readonly linesPerCpuSecond: number
}

/** Sends `lines` lines of `series` series from a child process over one connection. Needs a loader for TypeScript in this process (tsx). */
export async function benchCarbonSocket(series: number, lines = 5_000_000): Promise<SocketBench> {
  const sink = new ColumnSink()
  const server = await CarbonServer.open({ port: 0 }, { sink, clock: systemClock, logger: silentLogger })
  try {
    const before = process.cpuUsage()
    const client = fileURLToPath(new URL('./carbon-load-client.ts', import.meta.url))
    const args = [...process.execArgv, client, String(server.port), String(series), String(lines)]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const [output] = await Promise.all([text(child.stdout), once(child, 'close')])
    const cpu = process.cpuUsage(before)
    const { accepted } = await server.counters()
    const { seconds } = JSON.parse(output) as { seconds: number }
    return {
      series,
      lines: accepted,
      linesPerSecond: Math.round(accepted / seconds),
      linesPerCpuSecond: Math.round((accepted * 1e6) / (cpu.user + cpu.system)),
    }
  } finally {
    await server.close()
  }
}
