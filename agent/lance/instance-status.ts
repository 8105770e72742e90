/** What is said of an instance, and when it has to be looked at again. Pure. */

import { missingPeers } from '#protocol/instances/missing-peers.ts'
import type { InstanceState, InstanceStatus } from '#protocol/instances/status.ts'
import type { Instance } from './instance.ts'
import { partOf, shownBusy } from './life-cycle.ts'
import { isDue } from './restarts.ts'
import { statusesOf } from './scripts/script-book.ts'

/** So long an instance is called waiting for its mandatory peers; then it has failed, until they come. */
export const waitMsMax = 900_000

/** The state it is in. */
export function statusStateOf(instance: Instance, nowMs: number): InstanceState {
  const { row, isKnown } = instance
  if (row.stage === 'removed') return 'removed'
  if (!isKnown) return 'unknown'
  if (partOf(row.stage) !== 'rest') return shownBusy(row.stage)
  if (row.isRemoving) return 'stopping'
  if (row.givenUp !== undefined) return row.givenUp === 'finished' ? 'stopped' : row.givenUp
  if (!isDue(row, nowMs)) return 'backoff'
  if (!row.spec.isWanted || row.waitingSinceMs === undefined) return 'stopped'
  return nowMs - row.waitingSinceMs < waitMsMax ? 'waiting' : 'failed'
}

/** Since when it has been waiting for peers; undefined = it is not. */
export function waitingSince({ row, task, isKnown }: Instance, nowMs: number): number | undefined {
  const isResting = row.stage === 'absent' || row.stage === 'installed'
  if (!isResting || task || row.isRemoving || !row.spec.isWanted || row.givenUp !== undefined) return undefined
  if (!isKnown || !isDue(row, nowMs)) return row.waitingSinceMs
  return missingPeers(row.spec) === undefined ? undefined : Math.min(row.waitingSinceMs ?? nowMs, nowMs)
}

/** When a pause or a wait ends, epoch ms. */
export function wakeAt({ row, task, isKnown }: Instance, nowMs: number): number | undefined {
  if (task || !isKnown || row.stage === 'removed') return undefined
  if (row.insistAtMs !== undefined) return row.insistAtMs
  if (row.retryAtMs !== undefined && row.givenUp === undefined && !isDue(row, nowMs)) return row.retryAtMs
  return row.waitingSinceMs !== undefined && row.shown === 'waiting' ? row.waitingSinceMs + waitMsMax : undefined
}

/** Everything that is told of an instance but its endpoints. */
export function statusOf({ row }: Instance): Omit<InstanceStatus, 'endpoints'> {
  const { spec, active, failure, waitingSinceMs } = row
  const waitsFor = waitingSinceMs === undefined ? undefined : missingPeers(spec)
  const codeVersion = active?.code?.id
  const scripts = (active ?? spec).service && row.scripts
  return {
    id: spec.id,
    application: spec.application,
    component: spec.component,
    generation: spec.generation,
    state: row.shown,
    ...(row.hasRun ? { hasRun: true } : {}),
    restarts: row.restarts,
    sinceMs: row.sinceMs,
    ...(waitsFor === undefined ? {} : { waitsFor }),
    ...(failure ? { failure } : tooLong(row.shown, waitsFor)),
    ...(row.place ? { runtime: row.place.detail } : {}),
    ...(codeVersion === undefined ? {} : { codeVersion }),
    ...(scripts ? { scripts: statusesOf(scripts) } : {}),
  }
}

function tooLong(shown: InstanceState, waitsFor: string | undefined): Pick<InstanceStatus, 'failure'> {
  if (shown !== 'failed' || waitsFor === undefined) return {}
  return { failure: { kind: 'STARTUP_FAILED', reason: `waited ${waitMsMax / 60_000} min for ${waitsFor}` } }
}
