/** Where the life cycle of an instance and its scripts meet: what each is told of the other. Pure. */
import type { InstanceScript } from '#protocol/instances/instance-orders.ts'
import type { Members } from '#protocol/instances/members.ts'
import { type Instance, type InstanceEvent, withRow } from '../instance.ts'
import { activeOf } from '../next-step.ts'
import { emptyBook, runningScripts, type ScriptBook, type ScriptRun } from './script-book.ts'
import {
  asked,
  ended,
  goOn,
  holdAfter,
  initBegan,
  type Refusal,
  refusalOf,
  type ScriptFacts,
  scriptsWakeAt,
  signalOf,
} from './script-machine.ts'
import type { WantedScript } from './script-runner.ts'

/** Of an instance of a service; undefined of any other. */
function factsOf(instance: Instance): ScriptFacts | undefined {
  const { row, hold } = instance
  const { service } = activeOf(row)
  return service && { service, members: row.spec.members, phase: phaseOf(instance), hold }
}

function phaseOf({ row, isKnown, isMainUp }: Instance): ScriptFacts['phase'] {
  if (!isKnown) return 'unknown'
  const { stage } = row
  if (stage === 'running') return isMainUp ? 'up' : 'going'
  if (stage === 'endScripts') return isMainUp ? 'ending' : 'going'
  return stage === 'preStop' || stage === 'stop' || stage === 'halt' ? 'going' : 'down'
}

/** Why a request cannot be done now; undefined = it can. */
export function requestRefusal(instance: Instance, ask: InstanceScript, nowMs: number): Refusal | undefined {
  const facts = factsOf(instance)
  if (!facts) return { code: 'SERVICE_UNKNOWN', found: 'no service', expected: 'an instance of one' }
  return refusalOf(bookOf(instance), facts, ask, nowMs)
}

/** After a request; nothing where it is refused. */
export function withRequest(instance: Instance, ask: InstanceScript, nowMs: number): Instance {
  const facts = factsOf(instance)
  if (!facts || requestRefusal(instance, ask, nowMs)) return instance
  const next = { ...instance, hold: holdAfter(instance.hold, ask, nowMs) }
  return withBook(next, asked(bookOf(instance), ask, facts.service.graceMs, nowMs))
}

export function withScriptEnded(
  instance: Instance,
  { name, id, code }: Extract<InstanceEvent, { kind: 'scriptEnded' }>,
  nowMs: number,
): Instance {
  return withBook(instance, ended(bookOf(instance), name, id, code, nowMs))
}

/** Brings the scripts to what the instance is like now. An `init` that was broken off has ended. */
export function withScripts(instance: Instance, nowMs: number): Instance {
  const facts = factsOf(instance)
  if (!facts) return instance
  const book = bookOf(instance)
  const { init } = book.runs
  const isCutOff = init && !init.end && instance.isKnown && !isInitTask(instance)
  const told = isCutOff ? ended(book, 'init', init.id, null, nowMs) : book
  return withBook(instance, goOn(told, facts, nowMs))
}

/** After an event that may have ended `init`: the life cycle runs it as `install`. */
export function withInitEnded(instance: Instance, before: Instance, event: InstanceEvent, nowMs: number): Instance {
  const { init } = bookOf(instance).runs
  if (event.kind !== 'ended' || !init || !isInitTask(before) || before.task?.id !== event.task) return instance
  const { end } = event
  const code = end.kind === 'done' ? 0 : end.kind === 'failed' ? (end.code ?? null) : null
  return withBook(instance, ended(bookOf(instance), 'init', init.id, code, nowMs))
}

/** Once the life cycle has begun with `init`. */
export function withInitBegun(instance: Instance, before: Instance, nowMs: number): Instance {
  const isBegun = isInitTask(instance) && instance.task?.id !== before.task?.id
  if (!isBegun || !factsOf(instance)) return instance
  const members: Members | undefined = activeOf(instance.row).members
  return withBook(instance, initBegan(bookOf(instance), members, nowMs))
}

/** When the scripts have to be looked at again, epoch ms. */
export function scriptsDueAt(instance: Instance, nowMs: number): number | undefined {
  const facts = factsOf(instance)
  return facts && scriptsWakeAt(bookOf(instance), facts, nowMs)
}

/** Those that are to run now, and what each is to be told; none while nobody can reach them. */
export function wantedScripts(instance: Instance, nowMs: number): readonly WantedScript[] {
  const facts = factsOf(instance)
  if (!facts || (facts.phase !== 'up' && facts.phase !== 'ending')) return []
  const book = bookOf(instance)
  return runningScripts(book).map((name): WantedScript => {
    const run = book.runs[name] as ScriptRun
    const { command } = facts.service.scripts[name]
    return {
      instance: instance.row.spec.id,
      name,
      id: run.id,
      command: [...command, ...(run.parameters ?? facts.service.parameters)],
      signal: signalOf(run, nowMs),
    }
  })
}

function isInitTask({ task, row }: Instance): boolean {
  const isInstall = task?.task.kind === 'handler' && task.task.name === 'install'
  return isInstall && activeOf(row).service !== undefined
}

function bookOf({ row }: Instance): ScriptBook {
  return row.scripts ?? emptyBook
}

function withBook(instance: Instance, book: ScriptBook): Instance {
  return book === bookOf(instance) ? instance : withRow(instance, { scripts: book })
}
