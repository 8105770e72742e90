/** Parses what `/proc/<pid>` says of one process; see proc_pid_stat(5), proc_pid_status(5). */
import { numberAfter } from './kernel-number.ts'

/** Part of `/proc/<pid>/stat`. */
export interface ProcessStat {
  readonly session: number
  /** Of the process and of those of its children that it has waited for, seconds. */
  readonly cpuSeconds: number
  readonly threads: number
  /** It has ended, and its parent has not waited for it yet. */
  readonly isZombie: boolean
}

/** What the kernel counts processor time in for programs, on every architecture that Node runs on. */
const ticksPerSecond = 100

/** Undefined for a text of another shape. The command, in parentheses, may hold blanks and parentheses itself. */
export function parseProcessStat(text: string): ProcessStat | undefined {
  const [state, , , session, ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const numbers = rest.map(Number)
  // utime, stime, cutime, cstime: fields 14 to 17, and `rest` begins with field 7
  const ticks = numbers.slice(7, 11).reduce((sum, one) => sum + one, 0)
  const threads = numbers[13]
  if (session === undefined || threads === undefined || !Number.isFinite(ticks + threads)) return undefined
  return {
    session: Number(session),
    cpuSeconds: ticks / ticksPerSecond,
    threads,
    isZombie: state === 'Z' || state === 'X',
  }
}

/** Resident memory of one process. */
export interface ProcessMemory {
  /** No file stands behind it. */
  readonly anonymousBytes: number
  /** Files it has mapped, and memory it shares with others. */
  readonly mappedBytes: number
}

/** From `/proc/<pid>/status`; undefined where it has none, as a zombie. */
export function parseProcessMemory(text: string): ProcessMemory | undefined {
  const [anonymous, file, shared] = ['RssAnon:', 'RssFile:', 'RssShmem:'].map((name) => numberAfter(text, name))
  if (anonymous === undefined || file === undefined || shared === undefined) return undefined
  return { anonymousBytes: anonymous * 1024, mappedBytes: (file + shared) * 1024 }
}
