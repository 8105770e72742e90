import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { sep } from 'node:path'

interface Entry {
  readonly pid: number
  readonly parent: number
  readonly state: string
}

/** All processes below `pid`, children of children included. Linux only, as the tests that use it. */
export function descendants(pid: number): number[] {
  const entries = processes()
  const found: number[] = []
  const queue = [pid]
  for (let parent = queue.shift(); parent !== undefined; parent = queue.shift()) {
    const children = entries.filter((entry) => entry.parent === parent).map((entry) => entry.pid)
    found.push(...children)
    queue.push(...children)
  }
  return found
}

/** Those of `pids` that still run. A zombie does not. */
export function stillRunning(pids: readonly number[]): number[] {
  const running = new Set(processes().map((entry) => entry.pid))
  return pids.filter((pid) => running.has(pid))
}

/** The command line of a process, its words joined by spaces. */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  } catch {
    return ''
  }
}

/** Processes that work below a folder: instances outlive their agents, and are nobody's children then. */
export function workingBelow(folder: string): number[] {
  return processes()
    .map(({ pid }) => pid)
    .filter((pid) => workingFolder(pid).startsWith(folder + sep))
}

function workingFolder(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return '' // ended while we looked
  }
}

function processes(): Entry[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => entryOf(Number(name)))
    .filter((entry) => entry.state !== 'Z' && entry.state !== 'X')
}

function entryOf(pid: number): Entry[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state = '', parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return [{ pid, parent: Number(parent), state }]
  } catch {
    return [] // ended while we looked
  }
}
