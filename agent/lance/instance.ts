/** One instance as the life cycle sees it: what is kept on the disk, what is known only while the agent runs, what happens, what is to be done. */
import type { InstanceScript } from '#protocol/instances/instance-orders.ts'
import type { LaunchedScript } from '#protocol/instances/scripts.ts'
import type { Detector, Handler, HandlerName, InstanceSpec, PeerEndpoint } from '#protocol/instances/spec.ts'
import type { InstanceFailure, InstanceState } from '#protocol/instances/status.ts'
import type { Stage } from './life-cycle.ts'
import type { FoundInstance, ProcessExit } from './runtime/instance-runtime.ts'
import type { ScriptBook } from './scripts/script-book.ts'
import type { Hold } from './scripts/script-machine.ts'

/** What is on the disk before anything is done about it: enough to go on after `kill -9` at any moment. */
export interface InstanceRow {
  /** The newest that was ordered. */
  readonly spec: InstanceSpec
  /** What its place was made from and its main process started with; its peers are those the component was told of. */
  readonly active?: InstanceSpec | undefined
  readonly stage: Stage
  readonly isRemoving: boolean
  readonly isRestartAsked: boolean
  /** Its place is to be made again from nothing though the spec is the same: a Docker instance cannot be told of peers otherwise. */
  readonly isStale: boolean
  /** The component has run in this place: a folder is no more emptied because a handler failed or was broken off. */
  readonly hasRun: boolean
  readonly failure?: InstanceFailure | undefined
  /** Left down until it is told otherwise: failed, in a crash loop, or ended by itself as its restart policy allows. */
  readonly givenUp?: 'failed' | 'crashLooping' | 'finished' | undefined
  /** Nothing is tried before, epoch ms. */
  readonly retryAtMs?: number | undefined
  /** Ending or removing it is not tried again before, epoch ms. */
  readonly insistAtMs?: number | undefined
  /** When it was started again within the policy's window, epoch ms. */
  readonly restartsAtMs: readonly number[]
  /** Restarts ever. */
  readonly restarts: number
  /** Since when mandatory peers are missing, epoch ms. */
  readonly waitingSinceMs?: number | undefined
  /** Failures of `onChange` for the change it is to be told of. */
  readonly changeTries: number
  readonly place?: Place | undefined
  /** Of a generic service, or of one that it was. */
  readonly scripts?: ScriptBook | undefined
  /** As it was told last, and since when. */
  readonly shown: InstanceState
  readonly sinceMs: number
}

/** How its place is reached. */
export type Place = Pick<FoundInstance, 'hostPorts' | 'address' | 'detail'>

export interface Instance {
  readonly row: InstanceRow
  /** Whether the runtime has said what is there; until then nothing is decided. */
  readonly isKnown: boolean
  readonly isMainUp: boolean
  /** How the main process ended, since it was last started. */
  readonly exit?: ProcessExit | undefined
  readonly stopDetected?: string | undefined
  /** A request for a script that has announced itself. */
  readonly hold?: Hold | undefined
  /** What is being done: one thing at a time, so no two handlers ever meet. */
  readonly task?: RunningTask | undefined
  readonly tasks: number
}

interface RunningTask {
  readonly id: number
  readonly task: Task
  readonly isCancelled: boolean
}

/** One thing that is done to its end, or cancelled, before the next. */
export type Task =
  /** `isClean`: what is left of an earlier try goes first. */
  | { readonly kind: 'prepare'; readonly isClean: boolean }
  | { readonly kind: 'handler'; readonly name: HandlerName; readonly handler: Handler }
  /** Absent in Docker: the image starts itself. */
  | { readonly kind: 'start'; readonly handler: Handler | undefined }
  | { readonly kind: 'detect'; readonly detector: Detector }
  | {
      readonly kind: 'onChange'
      readonly port: string
      readonly handler: Handler
      readonly peers: readonly PeerEndpoint[]
    }
  | { readonly kind: 'halt'; readonly graceMs: number }
  | { readonly kind: 'destroy' }

export type TaskEnd =
  | { readonly kind: 'done'; readonly found?: FoundInstance | undefined; readonly exit?: ProcessExit | undefined }
  /** `code`: the exit code of the command that failed. */
  | {
      readonly kind: 'failed'
      readonly reason: string
      readonly code?: number | undefined
      /** Of our own error, where no command failed. */
      readonly errorCode?: string | undefined
    }
  | { readonly kind: 'cancelled' }
  /** The runtime does not answer: whether it was done is unknown. */
  | { readonly kind: 'unavailable' }

export type InstanceEvent =
  /** A newer generation; others change nothing. */
  | { readonly kind: 'spec'; readonly spec: InstanceSpec }
  | { readonly kind: 'remove' }
  | { readonly kind: 'restart' }
  | { readonly kind: 'ended'; readonly task: number; readonly end: TaskEnd }
  | { readonly kind: 'exited'; readonly exit: ProcessExit }
  /** What the runtime has of it; asked for after the last task ended. */
  | { readonly kind: 'found'; readonly found: FoundInstance | undefined }
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'stopDetected'; readonly reason: string }
  /** A request that is not refused now. */
  | { readonly kind: 'script'; readonly ask: InstanceScript }
  | {
      readonly kind: 'scriptEnded'
      readonly name: LaunchedScript
      readonly id: string
      readonly code: number | null
    }
  | { readonly kind: 'tick' }

/** What the shell is to do, once the row is on the disk. */
export type InstanceAction =
  /** With the variables of this spec. */
  | { readonly kind: 'run'; readonly id: number; readonly task: Task; readonly spec: InstanceSpec }
  /** Ends it; it is over when its end is told, and not before. */
  | { readonly kind: 'cancel'; readonly id: number }

/** An instance that was never seen before. @param hasRemains whether something of its name is there: it goes when its place is made */
export function newInstance(spec: InstanceSpec, nowMs: number, hasRemains = false): Instance {
  const row: InstanceRow = {
    spec,
    stage: 'absent',
    isRemoving: false,
    isRestartAsked: false,
    isStale: hasRemains,
    hasRun: false,
    restartsAtMs: [],
    restarts: 0,
    changeTries: 0,
    shown: 'stopped',
    sinceMs: nowMs,
  }
  return { ...knownFromDisk(row), isKnown: true }
}

/** An instance whose row was lost while it ran: it is taken over as it is, once the runtime has said that it runs still. */
export function adoptedInstance(spec: InstanceSpec, nowMs: number): Instance {
  const { row } = newInstance(spec, nowMs)
  return knownFromDisk({ ...row, active: spec, stage: 'running', hasRun: true })
}

/** An instance as the agent that ended left it: what runs is unknown until the runtime has said. */
export function knownFromDisk(row: InstanceRow): Instance {
  return { row, isKnown: false, isMainUp: false, tasks: 0 }
}

/** The same with some fields of its row changed. */
export function withRow(instance: Instance, change: Partial<InstanceRow>): Instance {
  return { ...instance, row: { ...instance.row, ...change } }
}
