/** Parses `/proc/stat` and turns two of its lines into shares of time; see proc_pid_stat(5), "cpu". */

/** Modes of `/proc/stat` in its own order. Guest time is part of `user` and `nice` and is not counted again. */
export const cpuModes = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal'] as const
export type CpuMode = (typeof cpuModes)[number]

/** Ticks per mode since boot, in the order of `cpuModes`; kernels that lack a mode give 0. */
export type CpuTimes = readonly number[]

export interface CpuStat {
  /** All cores together; undefined when the text has no `cpu` line. */
  readonly total: CpuTimes | undefined
  /** Cores online. */
  readonly coreCount: number
  /** Per online core, by number; empty unless asked for. */
  readonly cores: ReadonlyMap<string, CpuTimes>
}

/** Parses the leading `cpu` lines; those of single cores are only counted unless `perCore`. */
export function parseCpuStat(text: string, perCore: boolean): CpuStat {
  let total: CpuTimes | undefined
  let coreCount = 0
  const cores = new Map<string, CpuTimes>()
  for (let from = 0; text.startsWith('cpu', from); ) {
    const newline = text.indexOf('\n', from)
    const end = newline < 0 ? text.length : newline
    if (text[from + 3] === ' ') {
      total = parseTimes(text.slice(from + 4, end))
    } else {
      coreCount++
      const times = perCore ? parseTimes(text.slice(text.indexOf(' ', from), end)) : undefined
      if (times) cores.set(text.slice(from + 3, text.indexOf(' ', from)), times)
    }
    from = end + 1
  }
  return { total, coreCount, cores }
}

function parseTimes(fields: string): CpuTimes | undefined {
  const ticks = fields.trim().split(' ', cpuModes.length).map(Number)
  while (ticks.length < cpuModes.length) ticks.push(0)
  return ticks.every(Number.isFinite) ? ticks : undefined
}

export interface CpuShares {
  /** Percent of the time not spent idle or waiting for disks; stolen time counts as used. */
  readonly usage: number
  /** Percent per mode, in the order of `cpuModes`; together 100. */
  readonly modes: readonly number[]
}

/**
 * Shares of the time between two readings; undefined when no time passed or the counters were reset. A single mode that runs
 * backwards (`iowait` does, by the kernel's own documentation; `steal` after a migration) counts as nothing.
 */
export function cpuShares(before: CpuTimes, after: CpuTimes): CpuShares | undefined {
  const total = sum(after) - sum(before)
  if (total <= 0) return undefined
  const spent = after.map((ticks, index) => Math.max(0, ticks - (before[index] ?? 0)))
  const all = sum(spent)
  const modes = spent.map((ticks) => (ticks * 100) / all)
  const unused = (spent[cpuModes.indexOf('idle')] ?? 0) + (spent[cpuModes.indexOf('iowait')] ?? 0)
  return { usage: ((all - unused) * 100) / all, modes }
}

function sum(values: CpuTimes): number {
  return values.reduce((total, value) => total + value, 0)
}
