/**
 * The agent's side of presence: an agent that hears of its own death lives, so it takes a new session and is born again. A death of
 * an older session is a late one and means nothing; one of a newer session (a disk that lost its past, a clock set back) is outdone.
 */
import { nextSession, sessionMax } from './session.ts'

/** The session to take after hearing the death of `heard`, or undefined when it is no news. */
export function sessionAfterDeath(own: number, heard: number, nowMs: number): number | undefined {
  return heard < own || heard > sessionMax ? undefined : nextSession(heard, nowMs)
}
