/** A component of the application file as the spec of one instance on one system: everything its host needs, resolved. Pure. */
import type {
  Command,
  Component,
  ComponentDetector,
  Image,
  Script,
  ScriptBySystem,
  System,
  Volume,
} from '#protocol/application/model.ts'
import type { Members } from '#protocol/instances/members.ts'
import {
  type CodeVersion,
  type Detector,
  type Handler,
  type HandlerName,
  handlerNames,
  type InstanceSpec,
  type PeerEndpoint,
  type RequiredPort,
} from '#protocol/instances/spec.ts'

import { lifecycleWithService, serviceSpec } from './service-spec.ts'
import { lineOf } from './shell-line.ts'

/** Which instance, where, and what it is to know of the others. */
export interface InstanceWish {
  readonly id: string
  readonly application: string
  readonly component: Component
  readonly generation: number
  /** Of the host; a container is Linux whatever the host is. */
  readonly system: System
  /** Peers by required port. */
  readonly peers: ReadonlyMap<string, readonly PeerEndpoint[]>
  /** Present where the component asks. */
  readonly members?: Members | undefined
  /** Present where a version is enabled. */
  readonly code?: CodeVersion | undefined
  readonly isWanted: boolean
}

export function instanceSpec(wish: InstanceWish): InstanceSpec {
  const { id, application, component, generation, peers, members, code, isWanted } = wish
  const system = component.isolation === 'docker' ? 'linux' : wish.system
  const words = { system, parameters: component.parameters }
  return {
    id,
    application,
    component: component.name,
    generation,
    isolation: component.isolation,
    image: component.image && imageText(component.image),
    lifecycle: lifecycleOf(lifecycleWithService(component), words),
    startDetector: component.startDetector && detectorOf(component.startDetector, words),
    stopDetector: component.stopDetector && detectorOf(component.stopDetector, words),
    provides: component.provides,
    requires: component.requires.map(({ name, min, max, onChange }): RequiredPort => {
      const handler = onChange && handlerOf(onChange, words)
      return { name, min, max, onChange: handler, peers: peers.get(name) ?? [] }
    }),
    environment: component.environment,
    files: component.files,
    code,
    volumes: component.volumes.map(volumeText),
    resources: component.resources,
    restart: component.restart,
    members,
    service: serviceSpec(component),
    isWanted,
  }
}

/** What may be left aside when specs are compared: whom it is told of (peers and members), whether it is to run. */
export type SpecPart = 'peers' | 'isWanted'

/** Do two specs say the same, whatever their generations? */
export function isSameSpec(a: InstanceSpec, b: InstanceSpec, ...aside: readonly SpecPart[]): boolean {
  return isSame(without(a, aside), without(b, aside))
}

function without(spec: InstanceSpec, aside: readonly SpecPart[]): object {
  const requires = aside.includes('peers') ? spec.requires.map((port) => ({ ...port, peers: [] })) : spec.requires
  const members = aside.includes('peers') ? undefined : spec.members
  const isWanted = aside.includes('isWanted') || spec.isWanted
  return { ...spec, requires, members, isWanted, generation: 0 }
}

/** The same JSON, whatever the order of keys: a spec that was kept by another version may have another. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const other = b as Readonly<Record<string, unknown>>
  const entries = Object.entries(a).filter(([, value]) => value !== undefined)
  const others = Object.values(other).filter((value) => value !== undefined)
  return entries.length === others.length && entries.every(([key, value]) => isSame(value, other[key]))
}

interface Words {
  readonly system: System
  readonly parameters: readonly string[]
}

function lifecycleOf(lifecycle: Component['lifecycle'], words: Words): InstanceSpec['lifecycle'] {
  const handlers: Partial<Record<HandlerName, Handler>> = {}
  for (const name of handlerNames) {
    const script = lifecycle[name]
    const handler = script && handlerOf(script, words)
    if (handler) handlers[name] = handler
  }
  return handlers
}

function scriptOf(script: ScriptBySystem, { system }: Words): Script | undefined {
  return script[system] ?? script.any
}

/** Undefined where nothing is to be done. */
function handlerOf(script: ScriptBySystem, words: Words): Handler | undefined {
  const own = scriptOf(script, words)
  if (!own || own.commands.length === 0) return undefined
  return { commands: own.commands.map((command) => argumentsOf(command, words)), timeoutMs: own.timeoutMs }
}

/** Text is the shell's, which has the parameters as `$1`, `$2`, …; a vector has them behind its own arguments. */
function argumentsOf(command: Command, { system, parameters }: Words): readonly string[] {
  if (typeof command !== 'string') return [...command, ...parameters]
  if (system === 'windows') return ['cmd.exe', '/d', '/s', '/c', command, ...parameters]
  return ['/bin/sh', '-c', command, ...(parameters.length > 0 ? ['/bin/sh', ...parameters] : [])]
}

/** A detector's script is one command: several are lines of one shell, which ends at the first that fails. */
function detectorOf(detector: ComponentDetector, words: Words): Detector | undefined {
  if (detector.kind !== 'script') return detector
  const script = scriptOf(detector.script, words)
  const [first, ...more] = script?.commands ?? []
  if (first === undefined) return undefined
  const command = more.length === 0 ? first : [first, ...more].map(lineOf).join(' && ')
  const { intervalMs, timeoutMs } = detector
  return { kind: 'script', command: argumentsOf(command, words), intervalMs, timeoutMs }
}

function imageText({ name, tag, digest }: Image): string {
  return digest === undefined ? `${name}:${tag ?? 'latest'}` : `${name}@${digest}`
}

function volumeText({ from, to, isReadOnly }: Volume): string {
  return `${from.kind === 'named' ? from.name : from.path}:${to}${isReadOnly ? ':ro' : ''}`
}
