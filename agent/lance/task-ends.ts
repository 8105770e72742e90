/** What becomes of an instance when a task ends: well, badly, cancelled, or with nobody to say how. Pure. */
import type { InstanceFailure } from '#protocol/instances/status.ts'
import { type Instance, type Place, type Task, type TaskEnd, withRow } from './instance.ts'
import { failureKindOf, handlerOf, nextStage, partOf, type Stage } from './life-cycle.ts'
import { activeOf, afterFailedChange, moved } from './next-step.ts'
import { insistMs, tryAgain } from './restarts.ts'
import { withPeers } from './spec-change.ts'

/** The instance without its task, at the stage that follows. */
export function afterTask(instance: Instance, task: Task, end: TaskEnd, nowMs: number): Instance {
  const idle: Instance = { ...instance, task: undefined }
  switch (end.kind) {
    case 'done':
      return afterDone(idle, task, end)
    case 'failed':
      return afterFailed(idle, task, end, nowMs)
    case 'cancelled':
      return afterCancelled(idle)
    case 'unavailable':
      return { ...idle, isKnown: false }
  }
}

function afterDone(instance: Instance, task: Task, end: Extract<TaskEnd, { kind: 'done' }>): Instance {
  const on = (from: Instance): Instance => moved(from, nextStage(from.row.stage)).instance
  const place = end.found ? { place: placeOf(end.found) } : {}
  switch (task.kind) {
    case 'prepare':
      return on({ ...withRow(instance, place), isMainUp: false })
    case 'handler':
    case 'detect':
    case 'destroy':
      return on(instance)
    case 'start':
      // one that has ended already was told of before its start was
      return on({ ...withRow(instance, place), isMainUp: instance.exit === undefined })
    case 'onChange': {
      const active = withPeers(activeOf(instance.row), task.port, task.peers)
      return withRow(instance, { active, changeTries: 0, failure: undefined, retryAtMs: undefined })
    }
    case 'halt':
      return on({ ...instance, isMainUp: false, exit: end.exit })
  }
}

function afterFailed(
  instance: Instance,
  task: Task,
  end: Extract<TaskEnd, { kind: 'failed' }>,
  nowMs: number,
): Instance {
  const { row } = instance
  const { stage } = row
  const { reason, errorCode: code } = end
  if (task.kind === 'onChange') return afterFailedTelling(instance, task, reason, nowMs)
  const handler = handlerOf(stage)
  const failure: InstanceFailure = {
    kind: failureKindOf(stage),
    reason,
    ...(handler ? { handler } : {}),
    ...(code ? { code } : {}),
  }
  if (task.kind === 'halt' || task.kind === 'destroy')
    return withRow(instance, { failure, insistAtMs: nowMs + insistMs })
  if (partOf(stage) === 'stop') {
    // whatever else is done to stop it goes on; the first failure is the one to look at
    return moved(withRow(instance, { failure: row.failure ?? failure }), nextStage(stage)).instance
  }
  return moved({ ...instance, row: tryAgain(row, failure, nowMs) }, afterBroken(stage)).instance
}

function afterFailedTelling(
  instance: Instance,
  task: Extract<Task, { kind: 'onChange' }>,
  reason: string,
  nowMs: number,
): Instance {
  const row = afterFailedChange(instance.row, task.port, reason, nowMs)
  if (row.changeTries > 0) return { ...instance, row }
  return { ...instance, row: { ...row, active: withPeers(activeOf(row), task.port, task.peers) } }
}

function afterCancelled(instance: Instance): Instance {
  const { stage } = instance.row
  const part = partOf(stage)
  // a detector and what follows it look at the main process themselves; the rest is half done
  const isHalfDone = part === 'install' || stage === 'preStart' || stage === 'start'
  return isHalfDone ? moved(instance, afterBroken(stage)).instance : instance
}

/** Where one stands after a stage that was broken off: a start may have happened whatever was said of it. */
function afterBroken(stage: Stage): Stage {
  if (partOf(stage) === 'install') return 'absent'
  return stage === 'preStart' ? 'installed' : 'halt'
}

function placeOf({ hostPorts, address, detail }: Place): Place {
  return { hostPorts, address, detail }
}
