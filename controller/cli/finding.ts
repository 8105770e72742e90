import type { HostAnswer } from './answers.ts'
import { type Column, tableLines } from './table.ts'

/** ok = as it should be; warn = works, but look; fail = something will not work. */
export type FindingStatus = 'ok' | 'warn' | 'fail'

/** What one check of `lanista doctor` found, and how to put it right. */
export interface Finding {
  readonly check: string
  readonly status: FindingStatus
  readonly found: string
  /** Absent when there is nothing to do. */
  readonly fix?: string
}

/** Clocks further apart than this make timestamps confusing, ms. */
const skewMsMax = 2_000
/** Samples that wait longer than a few batches: the way up is slow. */
const lagSamplesMax = 50_000

const columns: readonly Column[] = [
  { title: '', align: 'left' },
  { title: 'CHECK', align: 'left' },
  { title: 'FOUND', align: 'left' },
]

/** Lines for a person: one a finding, and below it what to do. */
export function findingLines(findings: readonly Finding[]): string[] {
  const [, ...lines] = tableLines(
    columns,
    findings.map((finding) => [finding.status.toUpperCase().padEnd(4), finding.check, finding.found]),
  )
  return lines.flatMap((line, i) => {
    const fix = findings[i]?.fix
    return fix === undefined ? [line] : [line, `        fix: ${fix}`]
  })
}

/** `v20.19.0` or newer will do. */
export function judgeNode(version: string): Finding {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  const isEnough = major > 20 || (major === 20 && minor >= 19)
  const check = 'node'
  return isEnough
    ? { check, status: 'ok', found: version }
    : { check, status: 'fail', found: version, fix: 'install Node 20.19 or newer' }
}

/** The token file is for its owner alone. `mode` is undefined when there is none. */
export function judgeTokenFile(path: string, mode: number | undefined): Finding {
  const check = 'token file'
  if (mode === undefined) {
    return {
      check,
      status: 'warn',
      found: `none at ${path}`,
      fix: 'run "lanista up", or copy the file from where it ran',
    }
  }
  const bits = mode & 0o777
  return (bits & 0o077) === 0
    ? { check, status: 'ok', found: path }
    : { check, status: 'fail', found: `${path} has mode ${bits.toString(8)}`, fix: `chmod 600 ${path}` }
}

/** One finding a host: there, level, in time. */
export function judgeHost(host: HostAnswer): Finding {
  const check = `agent ${host.cloud}.${host.id}`
  const skewMs = Math.abs(host.skew_ms ?? 0)
  const lag = host.lag_samples ?? 0
  const dropped = host.dropped ?? 0
  if (host.state === 'left') return { check, status: 'ok', found: 'left' }
  if (host.state !== 'online') {
    const fix = `look at the agent's log on ${host.id}, or start it again`
    return { check, status: host.state === 'offline' ? 'fail' : 'warn', found: host.state, fix }
  }
  if (host.store_fault) {
    const fix = `make room on the disk of its data folder, or repair it: what ${host.id} measures is dropped until then`
    return { check, status: 'fail', found: `store cannot write: ${host.store_fault}`, fix }
  }
  if (skewMs > skewMsMax) {
    return { check, status: 'warn', found: `clock ${Math.round(skewMs)} ms off`, fix: `run NTP on ${host.id}` }
  }
  if (lag > lagSamplesMax) {
    const fix = 'look at the broker and the network between; nothing is lost while the store has room'
    return { check, status: 'warn', found: `${lag} samples behind`, fix }
  }
  if (dropped > 0) {
    return {
      check,
      status: 'warn',
      found: `${dropped} samples dropped`,
      fix: "look at the agent's agent.* metrics for why",
    }
  }
  if (host.monitors === 'behind') {
    const fix = 'wait a moment; if it stays so, look for monitors_refused in its log'
    return { check, status: 'warn', found: 'computes an older set of monitors', fix }
  }
  return { check, status: 'ok', found: 'online' }
}

/** The controller's clock against ours. */
export function judgeClock(skewMs: number): Finding {
  const check = 'clock'
  return Math.abs(skewMs) <= skewMsMax
    ? { check, status: 'ok', found: 'agrees with the controller' }
    : {
        check,
        status: 'warn',
        found: `${Math.round(skewMs)} ms from the controller's`,
        fix: 'run NTP on both machines',
      }
}
