import { LanistaError } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import type { Ledger } from './ledger.ts'
import { isRunning, type ProcessIdentity, signalProcess } from './process-identity.ts'

export interface ReapDeps {
  readonly ledger: Ledger
  readonly clock: Clock
  readonly logger: Logger
}

/** Time what a killed `up` left running has to finish, and after that to be gone for good, ms. */
const graceMs = 5_000
const pollMs = 20

/**
 * Ends what a killed `up` left running on this folder, so that its ports and folders are free again. Agents end by themselves
 * when their parent is gone; this waits for them.
 * @throws LanistaError ORPHAN_STAYS when one cannot be ended (another user's, or stuck in the kernel)
 */
export async function reapOrphans(deps: ReapDeps): Promise<void> {
  const orphans = await deps.ledger.adopted()
  await Promise.all([...orphans].map(([name, orphan]) => reap(name, orphan, deps)))
}

async function reap(name: string, orphan: ProcessIdentity, deps: ReapDeps): Promise<void> {
  if (isRunning(orphan)) {
    deps.logger.info({ name, pid: orphan.pid }, 'orphan_found')
    signalProcess(orphan, 'SIGTERM')
    if (!(await isGoneWithin(graceMs, orphan, deps.clock))) {
      signalProcess(orphan, 'SIGKILL')
      if (!(await isGoneWithin(graceMs, orphan, deps.clock))) throw stays(name, orphan)
    }
  }
  await deps.ledger.release(name)
}

/** The kernel tells a stranger's end to nobody: it has to be looked for. */
async function isGoneWithin(ms: number, orphan: ProcessIdentity, clock: Clock): Promise<boolean> {
  const until = clock.monotonic() + ms
  while (isRunning(orphan)) {
    if (clock.monotonic() >= until) return false
    await clock.sleep(pollMs)
  }
  return true
}

function stays(name: string, orphan: ProcessIdentity): LanistaError {
  return new LanistaError(
    'ORPHAN_STAYS',
    `end process ${orphan.pid} (${name}) by hand: found it running after SIGKILL, expected the last lanista's children to be gone`,
    { data: { name, pid: orphan.pid } },
  )
}
