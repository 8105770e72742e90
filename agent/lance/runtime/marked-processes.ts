/**
 * Finds what an instance has running, also what has forked away: by a mark in the environment that every process inherits, and for
 * those that cleaned their environment by descent and session from one that carries it. What did all three (a clean environment, a new
 * session, its parent gone) is not found.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { setImmediate as otherWork } from 'node:timers/promises'

/** One line of the process table. */
export interface ProcessRow {
  readonly pid: number
  readonly parent: number
  readonly group: number
  readonly session: number
  /** Texts like `NAME=value` that mark it. */
  readonly marks: readonly string[]
}

/** The name of the variable that marks a place; its value is the place's folder. */
export const placeVariable = 'LANISTA_PLACE'
/** The name of the variable that marks one command; its value is drawn for it. */
export const runVariable = 'LANISTA_RUN'
/** The name of the variable that names, to a launched command, where the instance's log is written to. */
export const logVariable = 'LANISTA_LOG'

/** Processes read before other work has its turn. `/proc` answers from memory: read at once, it costs a fifth of what threads would. */
const atOnceMax = 32

/** The processes of this machine that are alive (no zombies), with their marks. Of others' processes, marks cannot be read. */
export async function readProcesses(): Promise<readonly ProcessRow[]> {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const rows: ProcessRow[] = []
  for (let at = 0; at < pids.length; at += atOnceMax) {
    rows.push(...pids.slice(at, at + atOnceMax).flatMap((pid) => readRow(pid) ?? []))
    await otherWork()
  }
  return rows
}

/** Those that carry the mark, descend from one that does, or share a session with one. */
export function processesMarked(rows: readonly ProcessRow[], mark: string): readonly ProcessRow[] {
  const found = new Set(rows.filter(({ marks }) => marks.includes(mark)))
  const leaders = new Set(rows.filter(({ pid, session }) => pid === session).map(({ pid }) => pid))
  for (let before = -1; before !== found.size; ) {
    before = found.size
    const pids = new Set([...found].map(({ pid }) => pid))
    // a session counts when the process that leads it is one of them
    const sessions = new Set([...pids].filter((pid) => leaders.has(pid)))
    for (const row of rows) if (pids.has(row.parent) || sessions.has(row.session)) found.add(row)
  }
  return [...found]
}

function readRow(name: string): ProcessRow | undefined {
  try {
    const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
    // the command, in parentheses, may hold blanks and parentheses itself
    const [state, parent, group, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (state === 'Z' || state === 'X') return undefined
    const marks = marksIn(`/proc/${name}/environ`)
    return { pid: Number(name), parent: Number(parent), group: Number(group), session: Number(session), marks }
  } catch {
    return undefined // gone meanwhile
  }
}

/** None where they cannot be read. */
function marksIn(path: string): readonly string[] {
  try {
    const environ = readFileSync(path, 'utf8')
    if (!environ.includes('LANISTA_')) return []
    return environ.split('\0').filter((entry) => /^LANISTA_(PLACE|RUN)=/.test(entry))
  } catch {
    return []
  }
}

/** Sends a signal to each; those that are gone, or not ours to signal, are passed over. */
export function signalAll(rows: readonly ProcessRow[], signal: NodeJS.Signals): void {
  for (const { pid } of rows) {
    try {
      process.kill(pid, signal)
    } catch {
      // gone
    }
  }
}
