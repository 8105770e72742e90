/** The seed's life cycle (seed-systems §2.1) as a table: where an instance can be, what follows, and how a failure there is called. */
import { type HandlerName, handlerNames } from '#protocol/instances/spec.ts'
import type { InstanceFailure, InstanceState } from '#protocol/instances/status.ts'

/**
 * What is done next, or is being done; the names of handlers stand for themselves. At rest in `absent` (no place, or one that is of no
 * use), `installed` (a place, nothing runs), `running` and `removed`. In `endScripts` the scripts of a service end, before anything else stops.
 */
export const stages = [
  'absent',
  'prepare',
  'init',
  'preInstall',
  'install',
  'postInstall',
  'installed',
  'preStart',
  'start',
  'startDetector',
  'postStart',
  'running',
  'endScripts',
  'preStop',
  'stop',
  'halt',
  'postStop',
  'destroy',
  'removed',
] as const
export type Stage = (typeof stages)[number]

type Part = 'rest' | 'install' | 'start' | 'run' | 'stop' | 'remove'

const table: Readonly<Record<Stage, { readonly part: Part; readonly next: Stage }>> = {
  absent: { part: 'rest', next: 'prepare' },
  prepare: { part: 'install', next: 'init' },
  init: { part: 'install', next: 'preInstall' },
  preInstall: { part: 'install', next: 'install' },
  install: { part: 'install', next: 'postInstall' },
  postInstall: { part: 'install', next: 'installed' },
  installed: { part: 'rest', next: 'preStart' },
  preStart: { part: 'start', next: 'start' },
  start: { part: 'start', next: 'startDetector' },
  startDetector: { part: 'start', next: 'postStart' },
  postStart: { part: 'start', next: 'running' },
  running: { part: 'run', next: 'endScripts' },
  endScripts: { part: 'stop', next: 'preStop' },
  preStop: { part: 'stop', next: 'stop' },
  stop: { part: 'stop', next: 'halt' },
  halt: { part: 'stop', next: 'postStop' },
  postStop: { part: 'stop', next: 'installed' },
  destroy: { part: 'remove', next: 'removed' },
  removed: { part: 'rest', next: 'removed' },
}

/** The stage after one that went well. */
export function nextStage(stage: Stage): Stage {
  return table[stage].next
}

/** Which part of the life cycle a stage belongs to. */
export function partOf(stage: Stage): Part {
  return table[stage].part
}

/** Whether the instance's place is there, as far as the life cycle knows. */
export function hasPlace(stage: Stage): boolean {
  return stage !== 'absent' && stage !== 'prepare' && partOf(stage) !== 'remove' && stage !== 'removed'
}

/** The seed's error state for a failure in this stage. */
export function failureKindOf(stage: Stage): InstanceFailure['kind'] {
  if (stage === 'init') return 'INIT_FAILED'
  const kinds = { rest: 'UNKNOWN', run: 'UNKNOWN', install: 'INSTALL_FAILED', start: 'STARTUP_FAILED' } as const
  const part = partOf(stage)
  return part === 'stop' || part === 'remove' ? 'TERMINATION_FAILED' : kinds[part]
}

const handlers: ReadonlySet<string> = new Set([...handlerNames, 'startDetector'])

/** The handler a stage is named for; undefined for what the agent does by itself. */
export function handlerOf(stage: Stage): HandlerName | 'startDetector' | undefined {
  return handlers.has(stage) ? (stage as HandlerName | 'startDetector') : undefined
}

/** How a stage that is not at rest is shown. */
export function shownBusy(stage: Stage): InstanceState {
  const states = { rest: 'stopped', install: 'installing', start: 'starting', run: 'running' } as const
  const part = partOf(stage)
  return part === 'stop' || part === 'remove' ? 'stopping' : states[part]
}
