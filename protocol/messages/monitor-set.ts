/**
 * `control.monitors.<id>`: all that the agents of a tenant compute and send beside what their configuration says. A set goes in as many
 * parts as it takes to keep each within the bytes of a JSON body; an agent applies it once it has all parts of one generation, and says
 * that generation in its heartbeats. The controller sends the whole set again to whoever says another.
 */
import * as z from 'zod/mini'
import { LanistaError } from '#protocol/errors.ts'
import { compileSelector } from '#protocol/metrics/selector.ts'
import type { Monitor, MonitorContext } from '#protocol/monitors/model.ts'
import { idForm, isId } from '#protocol/subjects/token.ts'
import { encodeJson, jsonBytesMax, parseJson } from './json.ts'
import { monitorSchema } from './monitor-schema.ts'

/** What the agents of one tenant compute and send. */
export interface MonitorSet {
  /** Higher after each change; 0 = never told. */
  readonly generation: number
  readonly contexts: readonly MonitorContext[]
  /** Selectors of series that the controller is sent, beside those of the agent's configuration and all results of monitors. */
  readonly uplink: readonly string[]
}

/** One message of a set. Monitors of one application may be in several parts; their order is that of the parts. */
export interface MonitorSetPart extends MonitorSet {
  /** From 1 up to `parts`. */
  readonly part: number
  readonly parts: number
}

/** A part as an agent can use it, and what it cannot. */
export interface ReadPart {
  readonly part: MonitorSetPart
  /** Monitors and selectors of shapes that this version does not know: left out. */
  readonly leftOut: readonly string[]
}

/** Parts of one set: 4 MiB, some 15,000 monitors. */
export const monitorPartsMax = 16
/** Selectors of one set. */
export const uplinkSelectorsMax = 1_000

/** Bytes of a part that hold no monitors. */
const headBytes = 256

/**
 * The bodies of a set, in order. The same set gives the same bytes.
 * @throws LanistaError MONITOR_SET_TOO_LARGE
 */
export function encodeMonitorSet({ generation, contexts, uplink }: MonitorSet): Uint8Array[] {
  const parts: { contexts: { application: string; monitors: Monitor[] }[]; uplink: readonly string[] }[] = []
  const uplinkBytes = bytesOf(uplink)
  let room = 0
  const open = (selectors: readonly string[], bytes: number): void => {
    parts.push({ contexts: [], uplink: selectors })
    room = jsonBytesMax - headBytes - bytes
  }
  open(uplink, uplinkBytes)
  if (uplink.length > uplinkSelectorsMax || room < 0) throw tooLarge(`${uplink.length} selectors`)
  for (const { application, monitors } of contexts) {
    // one without monitors says nothing
    for (const monitor of monitors) {
      const bytes = bytesOf(monitor) + 1
      if (bytes + headBytes > room) open([], 2)
      const part = parts.at(-1) as (typeof parts)[number]
      let last = part.contexts.at(-1)
      if (last?.application !== application) {
        part.contexts.push((last = { application, monitors: [] }))
        room -= application.length + 40
      }
      last.monitors.push(monitor)
      room -= bytes
    }
  }
  if (parts.length > monitorPartsMax) throw tooLarge(`${parts.length} parts`)
  return parts.map((part, i) => encodeJson({ generation, part: i + 1, parts: parts.length, ...part }))
}

interface LoosePart {
  readonly generation: number
  readonly part: number
  readonly parts: number
  readonly contexts: readonly { readonly application: string; readonly monitors: readonly unknown[] }[]
  readonly uplink: readonly string[]
}

const count = z.int().check(z.minimum(1), z.maximum(monitorPartsMax))

const partSchema: z.ZodMiniType<LoosePart> = z.object({
  generation: z.int().check(z.minimum(0)),
  part: count,
  parts: count,
  contexts: z.array(
    z.object({
      application: z.string().check(z.refine(isId, `expected ${idForm}`)),
      monitors: z.array(z.unknown()),
    }),
  ),
  uplink: z.array(z.string().check(z.maxLength(1_024))).check(z.maxLength(uplinkSelectorsMax)),
})

/** Throws MESSAGE_INVALID. A monitor that does not fit is left out by itself, so that a newer controller can say more. */
export function parseMonitorSetPart(body: Uint8Array): ReadPart {
  const { contexts, uplink, ...rest } = parseJson(body, partSchema, 'set of monitors')
  const leftOut: string[] = []
  const whole = contexts.map(({ application, monitors }) => ({
    application,
    monitors: monitors.flatMap((monitor) => {
      const read = monitorSchema.safeParse(monitor)
      if (read.success) return [read.data]
      leftOut.push(`${application}.${nameOf(monitor)}`)
      return []
    }),
  }))
  leftOut.push(...uplink.filter((selector) => !isSelector(selector)))
  return { part: { ...rest, contexts: whole, uplink: uplink.filter(isSelector) }, leftOut }
}

function isSelector(text: string): boolean {
  try {
    compileSelector(text)
    return true
  } catch {
    return false
  }
}

function nameOf(monitor: unknown): string {
  const name = typeof monitor === 'object' && monitor !== null && 'name' in monitor ? monitor.name : undefined
  return typeof name === 'string' && isId(name) ? name : '?'
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value))
}

function tooLarge(found: string): LanistaError {
  return new LanistaError(
    'MONITOR_SET_TOO_LARGE',
    `have fewer monitors or shorter selectors: found ${found}, expected at most ${monitorPartsMax} parts of ${jsonBytesMax} bytes and ${uplinkSelectorsMax} selectors in the first`,
  )
}
