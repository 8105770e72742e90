/** A component's code as the reconciler of instances looks at it, and its instances as the roll-out does. Pure. */
import { type Fleet, isSettled, statusOf, type WantedComponent } from '#controller/instances/fleet.ts'
import type { InstanceRecord } from '#controller/instances/instance-record.ts'
import type { WantedCode } from '#controller/instances/wanted-code.ts'
import type { ComponentCode } from './code-rows.ts'
import { asCode, shortId } from './code-version.ts'
import type { CodeState, Member, RollOutLimits, RollOutStep } from './roll-out.ts'

/** What applies where the application file says nothing of code, ms. */
const healthyWithinMsDefault = 300_000

/** The instances that stay. */
export function membersOf(records: readonly InstanceRecord[], fleet: Pick<Fleet, 'hosts'>): Member[] {
  return records
    .filter(({ isLeaving }) => !isLeaving)
    .toSorted((a, b) => a.number - b.number)
    .map((record) => memberOf(record, fleet))
}

function memberOf(record: InstanceRecord, fleet: Pick<Fleet, 'hosts'>): Member {
  const { id, spec, isStopped } = record
  const status = statusOf(record, fleet)
  const base = { id, version: spec.code?.sha256, restarts: 0 }
  if (status === 'unknown') return { ...base, health: 'unknown' }
  if (status === 'absent' || status.generation !== spec.generation) return { ...base, health: 'busy' }
  const { state, restarts, failure } = status
  if (state === 'unknown') return { ...base, health: 'unknown' }
  if (isSettled(record, status)) return { ...base, restarts, health: isStopped ? 'resting' : 'well' }
  const isOver = state === 'stopped' && !isStopped
  if (!isOver && !failedStates.has(state)) return { ...base, restarts, health: 'busy' }
  const reason = failure ? `${failure.kind}: ${failure.reason}` : `its state is ${state}`
  return { ...base, restarts, health: 'bad', reason }
}

const failedStates: ReadonlySet<string> = new Set(['failed', 'backoff', 'crashLooping'])

export function limitsOf({ component }: WantedComponent): RollOutLimits {
  const { atOnce = 1, healthyWithinMs = healthyWithinMsDefault } = component.code ?? {}
  return { atOnce, min: component.instances.min, healthyWithinMs }
}

/** What instances are to run, after this step. */
export function wantedCode({ versions }: ComponentCode, { state, admitted, waits }: RollOutStep): WantedCode {
  const codeOf = (sha256: string | undefined): WantedCode['current'] => {
    const version = versions.find((one) => one.sha256 === sha256)
    return version && asCode(version)
  }
  const { current, rollOut } = state
  const to = rollOut?.phase === 'forward' ? codeOf(rollOut.to) : undefined
  return {
    current: codeOf(current),
    to,
    admitted,
    isBack: rollOut?.phase === 'back',
    says: saysOf(state),
    waits: rollOut && waits !== undefined ? `code ${shortId(rollOut.to)}, ${rollOut.phase}: ${waits}` : undefined,
  }
}

function saysOf({ current, last }: CodeState): string {
  const enabled = current === undefined ? 'none enabled' : `${shortId(current)} enabled`
  return last?.outcome === 'rolledBack' ? `${enabled}; ${shortId(last.to)} was rolled back: ${last.reason}` : enabled
}
