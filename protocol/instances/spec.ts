/**
 * What a host is told to run: one instance of a component, whole and resolved, so that the agent needs nothing else to run it, restart it
 * and wire it again while it is cut off. The controller makes it from the application file (`#protocol/application`); it travels as the
 * body of an order.
 */

import type { Members } from './members.ts'
import type { ServiceSpec } from './scripts.ts'

/** The handlers of the seed's life cycle, in order; only `start` is mandatory (seed-systems §2.1). */
export const handlerNames = [
  'init',
  'preInstall',
  'install',
  'postInstall',
  'preStart',
  'start',
  'postStart',
  'preStop',
  'stop',
  'postStop',
] as const
export type HandlerName = (typeof handlerNames)[number]

/** Commands, run one after the other in the instance's folder or container; the first that fails ends the handler. */
export interface Handler {
  /** Each an argument vector; a shell script is `['/bin/sh', '-c', text]`, made where the file is read. */
  readonly commands: readonly (readonly string[])[]
  /** Ends the handler's process group, ms. */
  readonly timeoutMs: number
}

/** Tells that a component has started, or has stopped. */
export type Detector =
  | {
      readonly kind: 'script'
      readonly command: readonly string[]
      readonly intervalMs: number
      readonly timeoutMs: number
    }
  | { readonly kind: 'tcp'; readonly port: string; readonly intervalMs: number; readonly timeoutMs: number }
  | {
      readonly kind: 'http'
      readonly port: string
      readonly path: string
      /** Lowest and highest status that count. */
      readonly status: readonly [number, number]
      readonly intervalMs: number
      readonly timeoutMs: number
    }
  | { readonly kind: 'log'; readonly pattern: string; readonly intervalMs: number; readonly timeoutMs: number }

export interface ProvidedPort {
  readonly name: string
  /** What the component listens on. */
  readonly port: number
  readonly protocol: 'tcp' | 'udp'
  /** Reachable from outside the cloud, under this number on the host; else on a number the host chooses, inside the cloud alone. */
  readonly isPublic: boolean
}

/** One endpoint of a peer, on the seed's three address levels (seed-systems §2.3); absent = not reachable that way. */
export interface PeerEndpoint {
  readonly instance: string
  readonly public?: string | undefined
  readonly cloud?: string | undefined
  readonly container?: string | undefined
}

export interface RequiredPort {
  readonly name: string
  /** Peers without which the instance does not start; 0 = optional. */
  readonly min: number
  /** Peers it is told of at most; absent = all. */
  readonly max?: number | undefined
  readonly onChange?: Handler | undefined
  /** Who is ready now; a newer spec or wiring message replaces it. */
  readonly peers: readonly PeerEndpoint[]
}

export interface RestartPolicy {
  readonly on: 'never' | 'failure' | 'always'
  readonly backoffMinMs: number
  readonly backoffMaxMs: number
  /** Restarts within `windowMs` after which it is left down, as crash-looping, until it is told otherwise. */
  readonly restartsMax: number
  readonly windowMs: number
}

export interface ResourceLimits {
  /** Cores, fractions included. */
  readonly cpus?: number | undefined
  readonly memoryBytes?: number | undefined
  readonly processes?: number | undefined
}

/** A file put into the instance's folder (or container) before `init`: scripts of the application file, small configuration. */
export interface InstanceFile {
  /** Relative, inside the folder. */
  readonly path: string
  readonly text: string
  readonly isExecutable: boolean
}

/** Where the code of a component comes from: an archive by digest that the controller keeps. */
export interface CodeVersion {
  readonly id: string
  readonly sha256: string
  readonly bytes: number
}

export interface InstanceSpec {
  /** A token, unique in the tenant, never used again: `shop-web-3`. */
  readonly id: string
  readonly application: string
  readonly component: string
  /** Higher for each change of what is wanted of this instance; an older one is refused. */
  readonly generation: number
  readonly isolation: 'docker' | 'directory'
  /** Docker: image by tag or digest. */
  readonly image?: string | undefined
  readonly lifecycle: Readonly<Partial<Record<HandlerName, Handler>>>
  readonly startDetector?: Detector | undefined
  readonly stopDetector?: Detector | undefined
  readonly provides: readonly ProvidedPort[]
  readonly requires: readonly RequiredPort[]
  readonly environment: Readonly<Record<string, string>>
  readonly files: readonly InstanceFile[]
  readonly code?: CodeVersion | undefined
  /** `host path:container path[:ro]`; checked against the agent's allow-list. */
  readonly volumes: readonly string[]
  readonly resources: ResourceLimits
  readonly restart: RestartPolicy
  /** Who belongs to its component; like peers, others restart nothing. Absent = it does not ask. */
  readonly members?: Members | undefined
  /** Present for an instance of a generic service. */
  readonly service?: ServiceSpec | undefined
  /** Whether it should run; false = installed and stopped. */
  readonly isWanted: boolean
}
