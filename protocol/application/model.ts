/**
 * What an application is made of, as checked data: its components, how each is started, wired, placed and limited. `parse.ts` makes it from
 * the application file; the controller makes `#protocol/instances/spec.ts` from it for each host. Every short form of the file is written
 * out here and every default filled in, so that two files that mean the same are equal.
 */
import type { ScriptName } from '#protocol/instances/scripts.ts'
import type {
  Detector,
  HandlerName,
  InstanceFile,
  ProvidedPort,
  ResourceLimits,
  RestartPolicy,
} from '#protocol/instances/spec.ts'

export const systems = ['linux', 'darwin', 'windows'] as const
/** Operating systems that handlers can be written for. */
export type System = (typeof systems)[number]

/** Text for the system's shell, or an argument vector that is run as it is. */
export type Command = string | readonly string[]

/** Commands run one after the other; the first that fails ends them. None = nothing is to be done. */
export interface Script {
  readonly commands: readonly Command[]
  /** How long all of them may take, ms. */
  readonly timeoutMs: number
}

/** A script for each system; `any` stands for those that are not named. */
export type ScriptBySystem = Readonly<Partial<Record<System | 'any', Script>>>

/** A detector of `#protocol/instances/spec.ts`, whose script depends on the system still. */
export type ComponentDetector =
  | Exclude<Detector, { readonly kind: 'script' }>
  | {
      readonly kind: 'script'
      readonly script: ScriptBySystem
      readonly intervalMs: number
      readonly timeoutMs: number
    }

/** How many instances there may be; rules and operators never leave `min` to `max`. */
export interface InstanceCounts {
  readonly min: number
  /** Wanted when the component is applied for the first time. */
  readonly initial: number
  readonly max: number
}

/** `name:tag` or `name@digest`. */
export interface Image {
  /** With its registry, where it is not the engine's own: `registry.example:5000/shop/web`. */
  readonly name: string
  /** `latest` where neither tag nor digest is given. */
  readonly tag?: string | undefined
  /** `sha256:` and 64 hexadecimal digits; goes before the tag. */
  readonly digest?: string | undefined
  /** Name of the secret with the log-in of the registry. */
  readonly login?: string | undefined
}

/** A port of another component that this one is told of. */
export interface Requirement {
  readonly name: string
  readonly from: { readonly component: string; readonly port: string }
  /** Peers without which an instance does not start; 0 = it starts without. */
  readonly min: number
  /** Peers it is told of at most; absent = all. */
  readonly max?: number | undefined
  /** Run when the peers have changed. */
  readonly onChange?: ScriptBySystem | undefined
}

/** Hosts that may run an instance: those that fit all of it. Absent parts fit every host. */
export interface Place {
  readonly clouds?: readonly string[] | undefined
  /** Host tokens. */
  readonly hosts?: readonly string[] | undefined
  /** Labels that the host's agent must carry. */
  readonly labels: Readonly<Record<string, string>>
  readonly systems?: readonly System[] | undefined
  readonly coresMin?: number | undefined
  readonly memoryBytesMin?: number | undefined
  readonly diskBytesMin?: number | undefined
  /** Over what instances are spread as evenly as hosts allow. */
  readonly spread?: 'host' | 'zone' | 'cloud' | undefined
  /** Components of this application whose instances never share a host with one of this; its own name = one instance a host. */
  readonly antiAffinity: readonly string[]
}

/** What outlives an instance, or belongs to the host. Docker only. */
export interface Volume {
  /** A volume with a name that the agent keeps, or a folder of the host, which the agent's allow-list must hold. */
  readonly from: { readonly kind: 'named'; readonly name: string } | { readonly kind: 'host'; readonly path: string }
  /** Absolute, in the container. */
  readonly to: string
  readonly isReadOnly: boolean
}

/** The component runs code that is uploaded in versions (the generic service, seed-systems §7.6). */
export interface CodePolicy {
  /** Versions kept; the oldest that is not enabled goes. */
  readonly versionsMax: number
  /** Instances changed at once when another version is enabled. */
  readonly atOnce: number
  /** How long an instance may take to be healthy on it before all go back, ms. */
  readonly healthyWithinMs: number
}

/** Commands of a script of a service; the first that fails ends it. */
export interface ServiceCommands {
  readonly commands: readonly Command[]
  /** How long all of them may take, ms; absent = for ever. */
  readonly timeoutMs?: number | undefined
}

/** A generic service (seed-systems §7.6): what its users ask of all instances at once. */
export interface Service {
  readonly scripts: Readonly<Record<ScriptName, ServiceCommands>>
  /** From SIGTERM to SIGKILL, ms. */
  readonly graceMs: number
}

/** The instances know each other, and one of them is the master. */
export interface MembersPolicy {
  /** How long a host may be silent before its instances count no more, ms. */
  readonly silenceMs: number
}

export interface Component {
  /** A token; unique in the application. */
  readonly name: string
  readonly instances: InstanceCounts
  readonly isolation: 'docker' | 'directory'
  /** Docker only, and always there. */
  readonly image?: Image | undefined
  /** Only `start` is mandatory; in Docker it may be left to the image. */
  readonly lifecycle: Readonly<Partial<Record<HandlerName, ScriptBySystem>>>
  readonly startDetector?: ComponentDetector | undefined
  readonly stopDetector?: ComponentDetector | undefined
  readonly provides: readonly ProvidedPort[]
  readonly requires: readonly Requirement[]
  readonly place: Place
  readonly restart: RestartPolicy
  readonly resources: ResourceLimits
  readonly environment: Readonly<Record<string, string>>
  readonly volumes: readonly Volume[]
  readonly files: readonly InstanceFile[]
  readonly code?: CodePolicy | undefined
  readonly service?: Service | undefined
  /** Always there with a service. */
  readonly members?: MembersPolicy | undefined
  /** Of the scripts of a generic service. */
  readonly parameters: readonly string[]
}

/** The part of the file that runs; what it is watched by stands in `#protocol/monitors`. */
export interface Application {
  /** A token; unique in the tenant. */
  readonly name: string
  /** In the file's order. */
  readonly components: readonly Component[]
}
