/** What an agent says of an instance: in `event.instance` at each change, and in the answer to `control.instances`. */
import type { ScriptStatuses } from './scripts.ts'
import type { HandlerName, PeerEndpoint } from './spec.ts'

/**
 * `waiting` for mandatory peers, `installing` (init to postInstall), `starting` (preStart to postStart), `running`, `stopping`, `stopped`
 * (as wanted), `failed` (a handler failed; see `failure`), `backoff` (will be started again), `crashLooping` (will not, until told otherwise),
 * `unknown` (the engine does not answer), `removed`.
 */
export const instanceStates = [
  'waiting',
  'installing',
  'starting',
  'running',
  'stopping',
  'stopped',
  'failed',
  'backoff',
  'crashLooping',
  'unknown',
  'removed',
] as const
export type InstanceState = (typeof instanceStates)[number]

export interface InstanceFailure {
  /** The seed's error states (seed-systems §2.1). */
  readonly kind:
    | 'INIT_FAILED'
    | 'INSTALL_FAILED'
    | 'STARTUP_FAILED'
    | 'TERMINATION_FAILED'
    | 'UNEXPECTED_EXECUTION_STOP'
    | 'UNKNOWN'
  readonly handler?: HandlerName | 'startDetector' | 'onChange' | undefined
  /** What stood in the way, where lanista itself has a code for it: PORT_TAKEN, IMAGE_MISSING, … */
  readonly code?: string | undefined
  /** What failed, in words: command, exit code or signal, last lines of its output, bounded. */
  readonly reason: string
}

export interface InstanceStatus {
  readonly id: string
  readonly application: string
  readonly component: string
  /** Of the spec it works towards. */
  readonly generation: number
  readonly state: InstanceState
  /** What it waits for, in words. */
  readonly waitsFor?: string | undefined
  readonly failure?: InstanceFailure | undefined
  /** Its main process was started in the place that it has: what it wrote may be there. */
  readonly hasRun?: boolean | undefined
  readonly restarts: number
  /** When the state was entered, epoch ms. */
  readonly sinceMs: number
  /** Its own endpoints by provided port, once it runs. */
  readonly endpoints: Readonly<Record<string, PeerEndpoint>>
  /** Docker: container id and image digest. Directory: process group. */
  readonly runtime?: Readonly<Record<string, string | number>> | undefined
  readonly codeVersion?: string | undefined
  /** Of a generic service: each script that was started. */
  readonly scripts?: ScriptStatuses | undefined
}
