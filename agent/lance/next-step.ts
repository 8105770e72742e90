/** What an instance that is idle and known does next: moves on, does one thing, or rests. Pure; every decision of the life cycle is here. */

import { missingPeers } from '#protocol/instances/missing-peers.ts'
import { type Instance, type InstanceRow, type Task, withRow } from './instance.ts'
import { handlerOf, nextStage, partOf, type Stage } from './life-cycle.ts'
import { afterUnexpectedStop, exitText, insistMs, isDue, tryAgain } from './restarts.ts'
import { emptyBook, runningScripts } from './scripts/script-book.ts'
import { changedPorts, isSameInstallation, isSameStart, withToldPeers } from './spec-change.ts'

/** The instance as it is then; with a task that is to be done, or without one: then it has moved on, and there is more to decide. */
export interface Step {
  readonly instance: Instance
  readonly task?: Task | undefined
}

/** Grace of a component that is asked to end, ms, where its `stop` handler names no time. */
const haltGraceMs = 10_000
/** The same at most: its `stop` handler may take longer, and see it end. */
const haltGraceMsMax = 30_000

/** Tries to tell a component of one change of its peers. */
const changeTriesMax = 3

/** The next step; undefined = at rest until something happens or `wakeAt`. */
export function nextStep(instance: Instance, nowMs: number): Step | undefined {
  switch (instance.row.stage) {
    case 'absent':
      return fromAbsent(instance, nowMs)
    case 'prepare':
      return prepare(instance)
    case 'init':
    case 'preInstall':
    case 'install':
    case 'postInstall':
      return installing(instance)
    case 'installed':
      return fromInstalled(instance, nowMs)
    case 'preStart':
    case 'start':
    case 'startDetector':
    case 'postStart':
      return starting(instance, nowMs)
    case 'running':
      return whileRunning(instance, nowMs)
    case 'endScripts':
      return instance.isMainUp && runningScripts(instance.row.scripts ?? emptyBook).length > 0
        ? undefined
        : moved(instance, 'preStop')
    case 'preStop':
    case 'stop':
      // also what the main process left behind is ended
      return instance.isMainUp ? handlerOrOn(instance) : moved(instance, 'halt')
    case 'halt':
      return insist(instance, { kind: 'halt', graceMs: graceOf(instance.row) }, nowMs)
    case 'postStop':
      return handlerOrOn(instance)
    case 'destroy':
      return insist(instance, { kind: 'destroy' }, nowMs)
    case 'removed':
      return undefined
  }
}

/** Is what is being done of no use any more? Nothing that stops or removes ever is. */
export function isObsolete({ row, isMainUp, task }: Instance): boolean {
  const { stage } = row
  switch (partOf(stage)) {
    case 'install':
      return row.isRemoving || !isSamePlace(row)
    case 'start':
      return row.isRemoving || isOutdated(row) || mustStop(row) || (isAfterStart(stage) && !isMainUp)
    case 'run':
      return task !== undefined && (row.isRemoving || isOutdated(row) || mustStop(row) || !isMainUp)
    case 'rest':
    case 'stop':
    case 'remove':
      return false
  }
}

function isAfterStart(stage: Stage): boolean {
  return stage === 'startDetector' || stage === 'postStart'
}

/** What must succeed in the end is tried until it does. */
function insist(instance: Instance, task: Task, nowMs: number): Step | undefined {
  const { insistAtMs } = instance.row
  const isPause = insistAtMs !== undefined && nowMs < insistAtMs && insistAtMs - nowMs <= insistMs
  return isPause ? undefined : { instance, task }
}

function fromAbsent(instance: Instance, nowMs: number): Step | undefined {
  const { row } = instance
  if (row.isRemoving) return moved(instance, 'destroy')
  if (isHeld(row, nowMs)) return undefined
  return moved(instance, 'prepare', { isRestartAsked: false })
}

function prepare(instance: Instance): Step {
  const { row } = instance
  if (row.isRemoving) return moved(instance, 'destroy')
  const isKept = row.hasRun && row.spec.isolation === 'directory' && row.active?.isolation === 'directory'
  const isClean = row.isStale || (row.active !== undefined && !isKept)
  const next = withRow(instance, { active: row.spec, isStale: false, hasRun: row.hasRun && !isClean })
  return { instance: next, task: { kind: 'prepare', isClean } }
}

function installing(instance: Instance): Step {
  const { row } = instance
  if (row.isRemoving) return moved(instance, 'destroy')
  return isSamePlace(row) ? handlerOrOn(instance) : moved(instance, 'prepare')
}

function fromInstalled(instance: Instance, nowMs: number): Step | undefined {
  const { row } = instance
  if (row.isRemoving) return moved(instance, 'destroy')
  if (!isSamePlace(row) || row.isStale) return isHeld(row, nowMs) ? undefined : moved(instance, 'prepare')
  if (!row.spec.isWanted || isHeld(row, nowMs)) return undefined
  const start = { active: row.spec, isRestartAsked: false, waitingSinceMs: undefined, changeTries: 0 }
  return moved(instance, 'preStart', start)
}

/** Must it stay as it is for now: given up, in a pause, without its mandatory peers? */
function isHeld(row: InstanceRow, nowMs: number): boolean {
  return row.givenUp !== undefined || !isDue(row, nowMs) || missingPeers(row.spec) !== undefined
}

function starting(instance: Instance, nowMs: number): Step {
  const { row, isMainUp, exit } = instance
  const { stage } = row
  if (row.isRemoving || isOutdated(row) || mustStop(row)) {
    return moved(instance, stage === 'preStart' ? 'installed' : 'halt')
  }
  if (isAfterStart(stage) && !isMainUp) {
    const reason = `the main process ended with ${exitText(exit)} before it was up`
    const failure = { kind: 'STARTUP_FAILED' as const, handler: 'start' as const, reason }
    return moved({ ...instance, row: tryAgain(row, failure, nowMs) }, 'halt')
  }
  if (stage === 'start') {
    const started = { ...withRow(instance, { hasRun: true }), exit: undefined, stopDetected: undefined }
    return { instance: started, task: { kind: 'start', handler: activeOf(row).lifecycle.start } }
  }
  if (stage !== 'startDetector') return handlerOrOn(instance)
  const detector = activeOf(row).startDetector
  return detector ? { instance, task: { kind: 'detect', detector } } : moved(instance, nextStage(stage))
}

function whileRunning(instance: Instance, nowMs: number): Step | undefined {
  const { row, isMainUp, stopDetected } = instance
  if (row.isRemoving || mustStop(row) || isOutdated(row)) return moved(instance, 'endScripts', { retryAtMs: undefined })
  if (!isMainUp || stopDetected !== undefined) return stoppedByItself(instance, nowMs)
  const active = activeOf(row)
  const changed = changedPorts(active, row.spec)
  const port = changed.find(({ onChange }) => onChange) ?? changed[0]
  if (!port) return withoutTelling(instance)
  if (port.onChange) {
    if (!isDue(row, nowMs)) return undefined
    return { instance, task: { kind: 'onChange', port: port.name, handler: port.onChange, peers: port.peers } }
  }
  // without its mandatory peers it could not start again: it goes on with those it knows
  if (missingPeers(row.spec) !== undefined) return undefined
  return moved(instance, 'endScripts', {
    isStale: row.spec.isolation === 'docker',
    isRestartAsked: true,
    retryAtMs: undefined,
  })
}

/** Stop handlers, stop detector, restart policy and the like count from now on. */
function withoutTelling(instance: Instance): Step | undefined {
  const { row } = instance
  if (row.active === row.spec || row.active?.generation === row.spec.generation) return undefined
  return { instance: withRow(instance, { active: withToldPeers(row.spec, activeOf(row)) }) }
}

function stoppedByItself(instance: Instance, nowMs: number): Step {
  const { row, isMainUp, exit, stopDetected } = instance
  const reason = stopDetected ?? `the main process ended with ${exitText(exit)}`
  const after = afterUnexpectedStop({ ...row, retryAtMs: undefined }, reason, isMainUp ? undefined : exit, nowMs)
  return moved({ ...instance, row: after, stopDetected: undefined }, row.place ? 'halt' : 'absent')
}

/** A change of peers whose handler fails again and again is taken as told. */
export function afterFailedChange(row: InstanceRow, portName: string, reason: string, nowMs: number): InstanceRow {
  const failure = { kind: 'UNKNOWN' as const, handler: 'onChange' as const, reason: `${portName}: ${reason}` }
  const tries = row.changeTries + 1
  if (tries < changeTriesMax) {
    const pauseMs = row.spec.restart.backoffMinMs * 2 ** (tries - 1)
    return { ...row, failure, changeTries: tries, retryAtMs: nowMs + Math.min(pauseMs, row.spec.restart.backoffMaxMs) }
  }
  return { ...row, failure, changeTries: 0, retryAtMs: undefined }
}

function handlerOrOn(instance: Instance): Step {
  const { row } = instance
  const name = handlerOf(row.stage)
  const handler = name === undefined || name === 'startDetector' ? undefined : activeOf(row).lifecycle[name]
  if (!handler || name === undefined || name === 'startDetector' || handler.commands.length === 0) {
    return moved(instance, nextStage(row.stage))
  }
  return { instance, task: { kind: 'handler', name, handler } }
}

/** The same at another stage. Whoever runs has no failure, and whoever is on the way nothing to wait for. */
export function moved(instance: Instance, stage: Stage, change: Partial<InstanceRow> = {}): Step {
  const isUp = stage === 'running'
  const { row } = withRow(instance, change)
  const begins = stage === 'prepare' || stage === 'preStart' || stage === 'destroy'
  return {
    instance: {
      ...instance,
      row: {
        ...row,
        stage,
        failure: isUp ? undefined : row.failure,
        retryAtMs: isUp || begins ? undefined : row.retryAtMs,
        insistAtMs: undefined,
        waitingSinceMs: begins ? undefined : row.waitingSinceMs,
      },
    },
  }
}

/** What it was made from and started with; where nothing was, what is to be. */
export function activeOf({ active, spec }: InstanceRow): InstanceRow['spec'] {
  return active ?? spec
}

function isSamePlace({ active, spec }: InstanceRow): boolean {
  return active !== undefined && isSameInstallation(active, spec)
}

/** Would it be installed or started otherwise now? */
function isOutdated(row: InstanceRow): boolean {
  return !isSamePlace(row) || !isSameStart(activeOf(row), row.spec)
}

function mustStop({ spec, isRestartAsked }: InstanceRow): boolean {
  return !spec.isWanted || isRestartAsked
}

function graceOf(row: InstanceRow): number {
  return Math.min(activeOf(row).lifecycle.stop?.timeoutMs ?? haltGraceMs, haltGraceMsMax)
}
