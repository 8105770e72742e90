/**
 * The life cycle of one instance: takes what happens and the time, says what is to be done. It is driven by what is wanted and what is
 * there, not by the order of messages: every event changes a fact, and an instance with nothing under way takes the next step that the
 * facts ask for. One thing is done at a time, so no two handlers of an instance ever run at once; what has become of no use is cancelled,
 * and its end awaited.
 */
import type { Instance, InstanceAction, InstanceEvent } from './instance.ts'
import { withRow } from './instance.ts'
import { statusStateOf, waitingSince, wakeAt } from './instance-status.ts'
import { afterLook } from './look.ts'
import { activeOf, isObsolete, nextStep } from './next-step.ts'
import { forgiven } from './restarts.ts'
import {
  scriptsDueAt,
  withInitBegun,
  withInitEnded,
  withRequest,
  withScriptEnded,
  withScripts,
} from './scripts/instance-scripts.ts'
import { isSameInstallation, isSameStart } from './spec-change.ts'
import { afterTask } from './task-ends.ts'

export interface MachineStep {
  readonly instance: Instance
  /** To be carried out in order, once the row is on the disk. */
  readonly actions: readonly InstanceAction[]
  /** When a tick is due, epoch ms; undefined = only when something happens. */
  readonly wakeAtMs?: number | undefined
}

/** The next state of an instance; the same row where nothing that is kept has changed. */
export function step(before: Instance, event: InstanceEvent, nowMs: number): MachineStep {
  const taken = withInitEnded(take(before, event, nowMs), before, event, nowMs)
  const { instance: done, actions } = goOn(withScripts(taken, nowMs), nowMs)
  const instance = withScripts(withInitBegun(done, before, nowMs), nowMs)
  const waitingSinceMs = waitingSince(instance, nowMs)
  const isSame = waitingSinceMs === instance.row.waitingSinceMs
  const waiting = isSame ? instance : withRow(instance, { waitingSinceMs })
  const shown = statusStateOf(waiting, nowMs)
  const told = shown === waiting.row.shown ? waiting : withRow(waiting, { shown, sinceMs: nowMs })
  return { instance: told, actions, wakeAtMs: earliest(wakeAt(told, nowMs), scriptsDueAt(told, nowMs)) }
}

function earliest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

/** The facts after an event. */
function take(instance: Instance, event: InstanceEvent, nowMs: number): Instance {
  const { row } = instance
  if (row.stage === 'removed') return instance
  switch (event.kind) {
    case 'spec':
      return withSpec(instance, event.spec)
    case 'remove':
      return row.isRemoving ? instance : withRow(instance, { isRemoving: true, retryAtMs: undefined })
    case 'restart':
      return { ...instance, row: { ...forgiven(row), isRestartAsked: true } }
    case 'ended':
      return instance.task?.id === event.task ? afterTask(instance, instance.task.task, event.end, nowMs) : instance
    case 'exited':
      return { ...instance, isMainUp: false, exit: event.exit }
    case 'found':
      return instance.task ? instance : afterLook(instance, event.found)
    case 'unavailable':
      return instance.task ? instance : { ...instance, isKnown: false }
    case 'stopDetected':
      return row.stage === 'running' ? { ...instance, stopDetected: event.reason } : instance
    case 'script':
      return withRequest(instance, event.ask, nowMs)
    case 'scriptEnded':
      return withScriptEnded(instance, event, nowMs)
    case 'tick':
      return instance
  }
}

/** A newer generation is always let through, unless it says no more than who the peers are: that would wake what is in a crash loop. */
function withSpec(instance: Instance, spec: Instance['row']['spec']): Instance {
  const { row } = instance
  if (spec.generation <= row.spec.generation || row.isRemoving) return instance
  const isWiring =
    spec.isWanted === row.spec.isWanted && isSameInstallation(spec, row.spec) && isSameStart(spec, row.spec)
  const next = isWiring ? { ...row, changeTries: 0 } : forgiven(row)
  return { ...instance, row: { ...next, spec } }
}

/** Takes steps until there is something to do, or nothing. */
function goOn(instance: Instance, nowMs: number): Pick<MachineStep, 'instance' | 'actions'> {
  const { task } = instance
  if (task) {
    if (task.isCancelled || !isObsolete(instance)) return { instance, actions: [] }
    return {
      instance: { ...instance, task: { ...task, isCancelled: true } },
      actions: [{ kind: 'cancel', id: task.id }],
    }
  }
  let now = instance
  while (now.isKnown) {
    const next = nextStep(now, nowMs)
    if (!next) break
    now = next.instance
    if (next.task) {
      const id = now.tasks + 1
      const spec = next.task.kind === 'onChange' ? now.row.spec : activeOf(now.row)
      const running = { ...now, tasks: id, task: { id, task: next.task, isCancelled: false } }
      return { instance: running, actions: [{ kind: 'run', id, task: next.task, spec }] }
    }
  }
  return { instance: now, actions: [] }
}
