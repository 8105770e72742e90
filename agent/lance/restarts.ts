/** When a component that failed is tried again, and when no more. Pure; times are the wall clock's, as they outlive the agent. */
import type { InstanceFailure } from '#protocol/instances/status.ts'
import { backoffCeilingMs } from '#protocol/runtime/backoff.ts'
import type { InstanceRow } from './instance.ts'
import type { ProcessExit } from './runtime/instance-runtime.ts'

/** Pause before something that has to succeed in the end is tried again, ms: ending a process, removing a place. */
export const insistMs = 5000

/** After a failure: a later start by the restart policy, or none. More than `restartsMax` in the window is a crash loop. */
export function tryAgain(row: InstanceRow, failure: InstanceFailure, nowMs: number): InstanceRow {
  const { on, windowMs, restartsMax, backoffMinMs, backoffMaxMs } = row.spec.restart
  if (on === 'never') return { ...row, failure, givenUp: 'failed' }
  // a clock that was set back makes times of the future, which count no more
  const recent = row.restartsAtMs.filter((time) => time > nowMs - windowMs && time <= nowMs)
  if (recent.length >= restartsMax) return { ...row, failure, givenUp: 'crashLooping' }
  return {
    ...row,
    failure,
    restarts: row.restarts + 1,
    restartsAtMs: [...recent, nowMs],
    retryAtMs: nowMs + backoffCeilingMs(recent.length, { baseMs: backoffMinMs, capMs: backoffMaxMs }),
  }
}

/** After the main process ended by itself. Code 0 is the end that the policies `failure` and `never` expect of a job. */
export function afterUnexpectedStop(
  row: InstanceRow,
  reason: string,
  exit: ProcessExit | undefined,
  nowMs: number,
): InstanceRow {
  if (exit?.code === 0 && row.spec.restart.on !== 'always') return { ...row, failure: undefined, givenUp: 'finished' }
  return tryAgain(row, { kind: 'UNEXPECTED_EXECUTION_STOP', reason }, nowMs)
}

/** Forgets failures and pauses: somebody has told it otherwise. */
export function forgiven(row: InstanceRow): InstanceRow {
  return { ...row, givenUp: undefined, retryAtMs: undefined, restartsAtMs: [], failure: undefined, changeTries: 0 }
}

/** Is nothing to be waited for? A pause longer than any is the work of a clock that was set back. */
export function isDue({ retryAtMs, spec }: InstanceRow, nowMs: number): boolean {
  if (retryAtMs === undefined || nowMs >= retryAtMs) return true
  return retryAtMs - nowMs > Math.max(spec.restart.backoffMaxMs, insistMs)
}

/** How a process ended, in words. */
export function exitText(exit: ProcessExit | undefined): string {
  if (!exit) return 'an unknown exit code'
  const how =
    exit.signal === null ? (exit.code === null ? 'an unknown exit code' : `exit code ${exit.code}`) : exit.signal
  return exit.isOutOfMemory ? `${how}, out of memory` : how
}
