/** An event as the controller keeps it. */
import { controllerHost, homeCloud } from '#protocol/subjects/subject.ts'

/** What somebody says has happened. */
export interface EventDraft {
  /** Unique for ever; a second one with this id is the same event again. */
  readonly id: string
  /** `rule.decided`: tokens with dots between. */
  readonly kind: string
  readonly tenant: string
  readonly cloud: string
  readonly host: string
  readonly application?: string | undefined
  /** Epoch ms by the speaker's clock; nothing is ordered by it. */
  readonly saidMs: number
  readonly fields: Readonly<Record<string, unknown>>
}

/** An event with its place in the order in which the controller heard them. */
export interface StoredEvent extends EventDraft {
  /** Higher than that of every event heard before. */
  readonly seq: number
  /** Epoch ms by the controller's clock, when it heard of it. */
  readonly atMs: number
}

/** Events of the controller itself stand under this address. */
export const ownPlace: { readonly cloud: string; readonly host: string } = { cloud: homeCloud, host: controllerHost }

/** Which events; absent parts fit all. */
export interface EventFilter {
  readonly tenant?: string | undefined
  /** Tests the kind. */
  readonly kind?: ((kind: string) => boolean) | undefined
  readonly application?: string | undefined
  readonly host?: string | undefined
  readonly cloud?: string | undefined
  /** When the controller heard of it, both ends inclusive. */
  readonly fromMs?: number | undefined
  readonly untilMs?: number | undefined
  /** Events behind this one only. */
  readonly afterSeq?: number | undefined
}

/** Does the event fit all parts of the filter? */
export function fitsFilter(event: StoredEvent, filter: EventFilter): boolean {
  return (
    event.seq > (filter.afterSeq ?? -1) &&
    event.atMs >= (filter.fromMs ?? Number.NEGATIVE_INFINITY) &&
    event.atMs <= (filter.untilMs ?? Number.POSITIVE_INFINITY) &&
    isOrAny(filter.tenant, event.tenant) &&
    isOrAny(filter.application, event.application) &&
    isOrAny(filter.host, event.host) &&
    isOrAny(filter.cloud, event.cloud) &&
    (filter.kind?.(event.kind) ?? true)
  )
}

function isOrAny(wanted: string | undefined, found: string | undefined): boolean {
  return wanted === undefined || wanted === found
}
