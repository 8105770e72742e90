/**
 * The scripts of one instance: what may begin, what is to end, and when the others' coming and going is told of. Pure, and driven by facts like
 * the life cycle: a request and an end change the book, and `goOn` brings it to what the facts ask for.
 */
import { holdMs, type InstanceScript } from '#protocol/instances/instance-orders.ts'
import type { Members } from '#protocol/instances/members.ts'
import type { LaunchedScript, ScriptName, ServiceSpec } from '#protocol/instances/scripts.ts'
import { isSameMembers, runningScripts, type ScriptBook, type ScriptRun } from './script-book.ts'

/** What the instance is like now. */
export interface ScriptFacts {
  readonly service: ServiceSpec
  /** As they are now. */
  readonly members: Members | undefined
  /**
   * `up` = scripts may begin; `ending` = they are to end before it stops; `going` = it is stopped, and they with it; `down` = nothing runs;
   * `unknown` = nobody can say.
   */
  readonly phase: 'up' | 'ending' | 'going' | 'down' | 'unknown'
  /** A request that has announced itself: nothing else begins before it, or before this, epoch ms. */
  readonly hold?: Hold | undefined
}

export interface Hold {
  readonly request: string
  readonly untilMs: number
}

/** What is killed and lives on all the same is given up after this, ms. */
const giveUpMs = 15_000

/** Why a request is not done, in words. */
export interface Refusal {
  readonly code: 'SERVICE_UNKNOWN' | 'SERVICE_NOT_RUNNING' | 'SCRIPT_RUNNING' | 'NO_SCRIPT_RUNS'
  readonly found: string
  readonly expected: string
}

/** Why a request cannot be done now; undefined = it can. */
export function refusalOf(
  book: ScriptBook,
  { phase, hold }: Pick<ScriptFacts, 'phase' | 'hold'>,
  { action, request }: Pick<InstanceScript, 'action' | 'request'>,
  nowMs: number,
): Refusal | undefined {
  if (action === 'release') return undefined
  const running = runningScripts(book)
  if (action === 'interrupt') {
    if (running.length > 0) return undefined
    return { code: 'NO_SCRIPT_RUNS', found: 'no script that runs', expected: 'one to interrupt' }
  }
  const expected = 'none to run'
  if (running.length > 0) return { code: 'SCRIPT_RUNNING', found: `${running.join(' and ')} running`, expected }
  if (isHeld(hold, nowMs) && hold?.request !== request) {
    return { code: 'SCRIPT_RUNNING', found: 'another request that is about to begin', expected }
  }
  return phase === 'up' ? undefined : { code: 'SERVICE_NOT_RUNNING', found: 'it not running', expected: 'it up' }
}

/** The hold after a request that was not refused. */
export function holdAfter(
  hold: Hold | undefined,
  { action, request }: InstanceScript,
  nowMs: number,
): Hold | undefined {
  if (action === 'hold') return { request, untilMs: nowMs + holdMs }
  return hold?.request === request ? undefined : hold
}

/** The book after a request that was not refused. */
export function asked(
  book: ScriptBook,
  { action, request: id, parameters }: InstanceScript,
  graceMs: number,
  nowMs: number,
): ScriptBook {
  if (action === 'hold' || action === 'release') return book
  const run: ScriptRun = { id, startedAtMs: nowMs, parameters }
  if (action !== 'interrupt') return withRun(book, action, run)
  const running = runningScripts(book)
  if (running.some((name) => book.runs[name]?.isInterrupted)) {
    return changed(book, running, (one) => ({
      ...one,
      termAtMs: one.termAtMs ?? nowMs,
      killAtMs: one.killAtMs ?? nowMs + graceMs,
    }))
  }
  return withRun(
    changed(book, running, (one) => ({ ...one, isInterrupted: true })),
    'interrupt',
    { ...run, isInterrupted: true },
  )
}

/** The book after a script ended. @param code null = nobody saw how */
export function ended(book: ScriptBook, name: ScriptName, id: string, code: number | null, nowMs: number): ScriptBook {
  const run = book.runs[name]
  if (!run || run.id !== id || run.end) return book
  const over = withRun(book, name, { ...run, end: { code, atMs: nowMs } })
  if (name === 'interrupt')
    return changed(over, runningScripts(over), (one) =>
      one.termAtMs === undefined ? { ...one, termAtMs: nowMs } : one,
    )
  if (name === 'notify' && !run.isCutOff) return { ...over, told: run.members }
  return name === 'init' && code === 0 ? { ...over, told: run.members } : over
}

/** The life cycle runs `init`: told of it here. */
export function initBegan(book: ScriptBook, members: Members | undefined, nowMs: number): ScriptBook {
  return withRun(book, 'init', { id: `init-${nowMs}`, startedAtMs: nowMs, members })
}

/** Brings the book to what the facts ask for; the same book where that is nothing. */
export function goOn(book: ScriptBook, facts: ScriptFacts, nowMs: number): ScriptBook {
  const { service, phase } = facts
  const running = runningScripts(book)
  switch (phase) {
    case 'unknown':
    case 'going':
      return book
    case 'down':
      return changed(book, running, (one) => ({ ...one, isCutOff: true, end: { code: null, atMs: nowMs } }))
    case 'ending':
      return changed(
        changed(book, running, (one) => cutOff(one, service.graceMs, nowMs)),
        running,
        (one) => given(one, nowMs),
      )
    case 'up': {
      const timed = changed(book, running, (one, name) =>
        given(late(one, service.scripts[name], service.graceMs, nowMs), nowMs),
      )
      return running.length === 0 ? notified(timed, facts, nowMs) : timed
    }
  }
}

/** When the book has to be looked at again, epoch ms; never in the past. */
export function scriptsWakeAt(
  book: ScriptBook,
  { service, phase, hold, members }: ScriptFacts,
  nowMs: number,
): number | undefined {
  if (phase !== 'up' && phase !== 'ending') return undefined
  const times = runningScripts(book).flatMap((name) => {
    const { startedAtMs, killAtMs } = book.runs[name] as ScriptRun
    const timeoutMs = service.scripts[name].timeoutMs
    return [
      ...(timeoutMs === undefined ? [] : [startedAtMs + timeoutMs]),
      ...(killAtMs === undefined ? [] : [killAtMs, killAtMs + giveUpMs]),
    ]
  })
  if (hold && !isSameMembers(book.told, members)) times.push(hold.untilMs)
  const next = times.filter((time) => time > nowMs)
  return next.length === 0 ? undefined : Math.min(...next)
}

/** What a running script is to be told now. */
export function signalOf({ termAtMs, killAtMs }: ScriptRun, nowMs: number): 'TERM' | 'KILL' | undefined {
  if (killAtMs !== undefined && nowMs >= killAtMs) return 'KILL'
  return termAtMs === undefined ? undefined : 'TERM'
}

/** Told of every change that is there once nothing runs: so many changes become one, and none is lost. */
function notified(book: ScriptBook, { members, hold }: ScriptFacts, nowMs: number): ScriptBook {
  if (!members || isHeld(hold, nowMs) || isSameMembers(book.told, members)) return book
  const number = book.notified + 1
  const run = { id: `notify-${number}-${nowMs}`, startedAtMs: nowMs, members }
  return { ...withRun(book, 'notify', run), notified: number }
}

function isHeld(hold: Hold | undefined, nowMs: number): boolean {
  // a clock that was set back holds nothing for longer
  return hold !== undefined && nowMs < hold.untilMs && hold.untilMs - nowMs <= holdMs
}

function cutOff(run: ScriptRun, graceMs: number, nowMs: number): ScriptRun {
  if (run.isCutOff) return run
  return {
    ...run,
    isCutOff: true,
    termAtMs: nowMs,
    killAtMs: Math.min(run.killAtMs ?? nowMs + graceMs, nowMs + graceMs),
  }
}

function late(
  run: ScriptRun,
  { timeoutMs }: ServiceSpec['scripts'][LaunchedScript],
  graceMs: number,
  nowMs: number,
): ScriptRun {
  if (timeoutMs === undefined || run.killAtMs !== undefined || nowMs < run.startedAtMs + timeoutMs) return run
  return { ...run, termAtMs: run.termAtMs ?? nowMs, killAtMs: nowMs + graceMs }
}

function given(run: ScriptRun, nowMs: number): ScriptRun {
  if (run.killAtMs === undefined || nowMs < run.killAtMs + giveUpMs) return run
  return { ...run, end: { code: null, atMs: nowMs } }
}

function withRun(book: ScriptBook, name: ScriptName, run: ScriptRun): ScriptBook {
  return { ...book, runs: { ...book.runs, [name]: run } }
}

/** The same book where no run is another. */
function changed<N extends ScriptName>(
  book: ScriptBook,
  names: readonly N[],
  change: (run: ScriptRun, name: N) => ScriptRun,
): ScriptBook {
  let next = book
  for (const name of names) {
    const run = book.runs[name]
    const other = run && change(run, name)
    if (other && other !== run) next = withRun(next, name, other)
  }
  return next
}
