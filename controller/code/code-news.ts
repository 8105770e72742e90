import type { EventService } from '#controller/events/event-service.ts'
import type { CodeOwner } from './code-rows.ts'
import { shortId } from './code-version.ts'
import type { CodeState } from './roll-out.ts'

/** Something that happened to a component's code. */
export interface CodeEvent extends CodeOwner {
  readonly kind: 'uploaded' | 'deleted' | 'rolling-out' | 'enabled' | 'rolling-back' | 'rolled-back'
  /** The short form. */
  readonly version: string
  readonly reason?: string | undefined
  readonly atMs: number
}

/** What follows from a step of a roll-out, if anything. */
export function stepNews(before: CodeState, after: CodeState): Omit<CodeEvent, keyof CodeOwner | 'atMs'>[] {
  const { rollOut } = before
  if (!rollOut || before === after) return []
  const version = shortId(rollOut.to)
  const { reason = after.last?.reason } = after.rollOut ?? {}
  const isTurned =
    rollOut.phase === 'forward' && (after.rollOut?.phase === 'back' || after.last?.outcome === 'rolledBack')
  const turned = isTurned ? [{ kind: 'rolling-back' as const, version, reason }] : []
  if (after.rollOut) return turned
  const isEnabled = after.last?.outcome === 'enabled'
  return [...turned, isEnabled ? { kind: 'enabled', version } : { kind: 'rolled-back', version, reason }]
}

/** Says each of them as an event `code.<kind>`, until the returned function is called. */
export function tellCode(
  tenant: string,
  code: { onEvent(listener: (event: CodeEvent) => void): () => void },
  events: Pick<EventService, 'say'>,
): () => void {
  return code.onEvent(({ application, component, kind, version, reason, atMs }) => {
    const id = `code/${application}/${component}/${version}/${kind}/${atMs}`
    events.say({ tenant, id, kind: `code.${kind}`, application, fields: { component, version, reason } })
  })
}
