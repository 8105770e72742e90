/**
 * When to read which sensor: the pure core of the collector, on the monotonic clock alone, so that a step of the wall clock
 * changes nothing. Ticks lie at `origin + k × interval` for ever: a late start does not shift the next one. Whatever is missed,
 * because the process was late or the read before had not ended, is skipped and counted, never made up for in a burst.
 * One read more comes a second before the origin: a rate needs two, and nobody wants to wait an interval for the first.
 */

/** A sensor to be read every so often. */
export interface Scheduled {
  readonly id: string
  /** Whole milliseconds, at least 1. */
  readonly intervalMs: number
}

interface Entry {
  readonly intervalMs: number
  /** The next tick, and the one before it where there was one. */
  readonly dueMs: number
  readonly lastDueMs: number | undefined
  /** The next tick is the one before the origin. */
  readonly isAhead: boolean
  readonly late: number
  readonly overlapped: number
}

export interface ScheduleState {
  readonly entries: ReadonlyMap<string, Entry>
  /** Ids whose read has not settled, removed ones included. */
  readonly running: ReadonlySet<string>
}

export type ScheduleEvent =
  /** The whole set from now on. Entries that stay the same are not touched. */
  | { readonly type: 'configure'; readonly sensors: readonly Scheduled[] }
  /** Time has passed. */
  | { readonly type: 'wake' }
  /** Nothing of this sensor's read is left running. */
  | { readonly type: 'settled'; readonly id: string }

/** One read to start, and the time it was meant for. */
export interface Tick {
  readonly id: string
  readonly dueMs: number
}

export interface ScheduleStep {
  readonly state: ScheduleState
  readonly start: readonly Tick[]
  /** When to send `wake` next; undefined = not until something else happens. */
  readonly wakeAtMs: number | undefined
}

/**
 * First ticks of sensors configured together are spread over this long, ms: far enough not to start as one burst, near enough
 * to be one commit, one batch and few wake-ups.
 */
const spreadMs = 100
/** The read before the origin comes this much earlier, ms; sensors that are read as often need none. */
const aheadMs = 1000

export const emptySchedule: ScheduleState = { entries: new Map(), running: new Set() }

/** @param nowMs monotonic */
export function stepSchedule(state: ScheduleState, event: ScheduleEvent, nowMs: number): ScheduleStep {
  switch (event.type) {
    case 'configure':
      return started({ ...state, entries: configured(state.entries, event.sensors, nowMs) }, nowMs)
    case 'settled': {
      const running = new Set(state.running)
      running.delete(event.id)
      return { state: { ...state, running }, start: [], wakeAtMs: earliest(state.entries) }
    }
    case 'wake':
      return started(state, nowMs)
  }
}

/** Ticks of a sensor that were skipped: `late` = the process was not there, `overlapped` = the read before was still running. */
export function skippedTicks(state: ScheduleState, id: string): { readonly late: number; readonly overlapped: number } {
  const entry = state.entries.get(id)
  return { late: entry?.late ?? 0, overlapped: entry?.overlapped ?? 0 }
}

function started(state: ScheduleState, nowMs: number): ScheduleStep {
  const entries = new Map(state.entries)
  const running = new Set(state.running)
  const start: Tick[] = []
  for (const [id, entry] of state.entries) {
    if (entry.dueMs > nowMs) continue
    const { lastDueMs, nextDueMs, missed } = passed(entry, nowMs)
    const isBusy = running.has(id)
    if (!isBusy) start.push({ id, dueMs: lastDueMs })
    running.add(id)
    entries.set(id, {
      ...entry,
      dueMs: nextDueMs,
      lastDueMs,
      isAhead: false,
      late: entry.late + (isBusy ? 0 : missed),
      overlapped: entry.overlapped + (isBusy ? missed + 1 : 0),
    })
  }
  return { state: { entries, running }, start, wakeAtMs: earliest(entries) }
}

/** The newest tick that is due, the one after it, and how many lie unread before it. */
function passed(
  { dueMs, intervalMs, isAhead }: Entry,
  nowMs: number,
): { readonly lastDueMs: number; readonly nextDueMs: number; readonly missed: number } {
  if (isAhead && nowMs < dueMs + aheadMs) return { lastDueMs: dueMs, nextDueMs: dueMs + aheadMs, missed: 0 }
  const originMs = isAhead ? dueMs + aheadMs : dueMs
  const missed = Math.floor((nowMs - originMs) / intervalMs)
  const lastDueMs = originMs + missed * intervalMs
  return { lastDueMs, nextDueMs: lastDueMs + intervalMs, missed: isAhead ? missed + 1 : missed }
}

function configured(
  before: ReadonlyMap<string, Entry>,
  sensors: readonly Scheduled[],
  nowMs: number,
): ReadonlyMap<string, Entry> {
  return new Map(
    sensors.map(({ id, intervalMs }) => {
      const known = before.get(id)
      if (known?.intervalMs === intervalMs) return [id, known]
      const dueMs = firstDue(id, known, intervalMs, nowMs)
      const isAhead = known ? known.isAhead && intervalMs > aheadMs : intervalMs > aheadMs
      return [id, { late: 0, overlapped: 0, lastDueMs: undefined, ...known, intervalMs, dueMs, isAhead }]
    }),
  )
}

/** A new sensor starts within the spread; one whose interval changes keeps the time of its last tick. */
function firstDue(id: string, known: Entry | undefined, intervalMs: number, nowMs: number): number {
  const soon = Math.ceil(nowMs)
  if (known) return known.lastDueMs === undefined ? known.dueMs : Math.max(soon, known.lastDueMs + intervalMs)
  return soon + (hash(id) % Math.min(spreadMs, intervalMs))
}

function earliest(entries: ReadonlyMap<string, Entry>): number | undefined {
  let wakeAtMs: number | undefined
  for (const { dueMs } of entries.values()) {
    if (wakeAtMs === undefined || dueMs < wakeAtMs) wakeAtMs = dueMs
  }
  return wakeAtMs
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  }
  return value >>> 0
}
