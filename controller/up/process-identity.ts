import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** A process that cannot be mistaken for a later one with the same pid: `started` is the kernel's start time of it. */
export interface ProcessIdentity {
  readonly pid: number
  readonly started: string
}

/**
 * The identity of a running process; undefined when there is none. A zombie runs nothing and counts as none, but for one whose other threads
 * are still ending: until then its ports are taken and its files open.
 * @param procfs another place of Linux' process table, for tests
 */
export function identifyProcess(pid: number, procfs: string = '/proc'): ProcessIdentity | undefined {
  const started = process.platform === 'linux' ? startedFromProc(pid, procfs) : startedFromPs(pid)
  return started === undefined ? undefined : { pid, started }
}

/** True while that very process runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.started === identity.started
}

/** Sends a signal to that very process; false when it runs no more. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isRunning(identity)) return false
  try {
    return process.kill(identity.pid, signal)
  } catch {
    return false // ended since
  }
}

/** Boot id and field 22 of /proc/PID/stat (proc(5)): clock ticks after boot. The name in field 2 may hold anything. */
function startedFromProc(pid: number, procfs: string): string | undefined {
  try {
    const stat = readFileSync(`${procfs}/${pid}/stat`, 'utf8')
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const ticks = fields[18]
    if (ticks === undefined || state === 'X') return undefined
    if (state === 'Z' && readdirSync(`${procfs}/${pid}/task`).length < 2) return undefined
    return `${readFileSync(`${procfs}/sys/kernel/random/boot_id`, 'utf8').trim()}/${ticks}`
  } catch {
    return undefined
  }
}

function startedFromPs(pid: number): string | undefined {
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined
  } catch {
    return undefined
  }
}
