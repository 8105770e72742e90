/** What instances without a cgroup of their own use: sums over their processes. */
import { readdirSync } from 'node:fs'
import type { InstanceUsage } from './instance-usage.ts'
import { ProcFile } from './proc-file.ts'
import { ProcessIo } from './process-io.ts'
import { type ProcessStat, parseProcessMemory, parseProcessStat } from './process-stat.ts'

/** An instance and the processes it is known to have; those of the sessions they lead are its own too. */
export interface ProcessSet {
  readonly key: string
  readonly processes: readonly number[]
}

export interface ProcessSum {
  readonly usage: InstanceUsage
  /** Processes were found to be its own that ran before without being known so: their past is not growth. */
  readonly hasLateProcesses: boolean
}

/** Reads after which every process is looked at again: a number may have come to belong to another process. */
const freshReads = 60

interface Member {
  readonly pid: string
  readonly stat: ProcessStat
}

export class ProcessUsage {
  readonly #root: string
  readonly #io = new Map<string, ProcessIo>()
  /** Processes that were of no instance when they were looked at. */
  #foreign = new Set<string>()
  #reads = 0

  /** @param root prefix of `/proc` */
  constructor(root: string) {
    this.#root = root
  }

  /** By key; an instance without a living process is not in it. Looks at the process table once, whatever the number of instances. */
  read(sets: readonly ProcessSet[]): ReadonlyMap<string, ProcessSum> {
    this.#closeIoBut(new Set(sets.map(({ key }) => key)))
    if (sets.length === 0) return new Map()
    const late = this.#foreign
    const members = this.#members(new Map(sets.flatMap(({ key, processes }) => processes.map((pid) => [pid, key]))))
    const sums = [...members].map(([key, list]): [string, ProcessSum] => [
      key,
      { usage: this.#sum(key, list), hasLateProcesses: list.some(({ pid }) => late.has(pid)) },
    ])
    return new Map(sums.filter(([, { usage }]) => usage.processes !== 0))
  }

  /** Idempotent. */
  close(): void {
    this.#closeIoBut(new Set())
  }

  #members(owners: ReadonlyMap<number, string>): ReadonlyMap<string, readonly Member[]> {
    const isFresh = this.#reads++ % freshReads === 0
    const foreign = new Set<string>()
    const members = new Map<string, Member[]>()
    for (const pid of processesOf(this.#root)) {
      const owner = owners.get(Number(pid))
      if (owner === undefined && this.#foreign.has(pid) && !isFresh) {
        foreign.add(pid)
        continue
      }
      const stat = parseProcessStat(this.#text(pid, 'stat'))
      const key = owner ?? (stat && owners.get(stat.session))
      if (key === undefined) foreign.add(pid)
      if (stat === undefined || key === undefined) continue
      const list = members.get(key) ?? []
      list.push({ pid, stat })
      members.set(key, list)
    }
    this.#foreign = foreign
    return members
  }

  #sum(key: string, members: readonly Member[]): InstanceUsage {
    const alive = members.filter(({ stat }) => !stat.isZombie)
    return {
      cpuSeconds: members.reduce((sum, { stat }) => sum + stat.cpuSeconds, 0),
      processes: alive.length,
      threads: alive.reduce((sum, { stat }) => sum + stat.threads, 0),
      ...this.#memory(alive),
      ...this.#ioOf(key).read(alive.map(({ pid }) => pid)),
    }
  }

  /** What processes share is counted once, as much of it as the process has that maps most. */
  #memory(alive: readonly Member[]): Pick<InstanceUsage, 'workingSetBytes' | 'anonymousBytes'> {
    const memories = alive.flatMap(({ pid }) => parseProcessMemory(this.#text(pid, 'status')) ?? [])
    if (memories.length === 0) return {}
    const anonymousBytes = memories.reduce((sum, memory) => sum + memory.anonymousBytes, 0)
    const mappedBytes = Math.max(...memories.map((memory) => memory.mappedBytes))
    return { anonymousBytes, workingSetBytes: anonymousBytes + mappedBytes }
  }

  #text(pid: string, name: string): string {
    const file = new ProcFile(`${this.#root}/proc/${pid}/${name}`, { hasShortLines: true })
    const text = file.read()
    file.close()
    return text ?? ''
  }

  #ioOf(key: string): ProcessIo {
    const io = this.#io.get(key) ?? new ProcessIo(this.#root)
    this.#io.set(key, io)
    return io
  }

  #closeIoBut(keys: ReadonlySet<string>): void {
    for (const [key, io] of this.#io) {
      if (keys.has(key)) continue
      io.close()
      this.#io.delete(key)
    }
  }
}

/** None where `/proc` is not mounted. */
function processesOf(root: string): readonly string[] {
  try {
    return readdirSync(`${root}/proc`).filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
}
