/** The files of a cgroup and what they mean, in both versions (Documentation/admin-guide/cgroup-v1, cgroup-v2.rst). Pure. */
import type { InstanceUsage } from './instance-usage.ts'
import { numberAfter, onlyNumber } from './kernel-number.ts'

/** One resource of one version. */
export interface CgroupFiles {
  /** Of version 1; absent = version 2. */
  readonly controller?: string | undefined
  /** Names in the cgroup's folder. Those after the first tell little news while its number stands still. */
  readonly files: readonly string[]
  /** Whether they change only when a process of the cgroup has run. */
  readonly changes: 'always' | 'with work'
  /** The texts of the files, in their order; undefined for one that is not there. */
  readonly parse: (...texts: readonly (string | undefined)[]) => InstanceUsage
}

/** Version 1 says "no limit" by the largest number of pages there can be. */
const noLimitBytes = 2 ** 62

const cpuV1: CgroupFiles = {
  controller: 'cpuacct',
  changes: 'always',
  files: ['cpuacct.usage'],
  parse: (nanoseconds) => ({ cpuSeconds: scaled(onlyNumber(nanoseconds), 1e9) }),
}

const cpuV2: CgroupFiles = {
  changes: 'always',
  files: ['cpu.stat'],
  parse: (stat) => ({ cpuSeconds: scaled(numberAfter(stat, 'usage_usec '), 1e6) }),
}

// the totals, which count cgroups below too
const memoryV1: CgroupFiles = {
  controller: 'memory',
  changes: 'always',
  files: ['memory.usage_in_bytes', 'memory.stat'],
  parse(usage, stat) {
    const limitBytes = numberAfter(stat, 'hierarchical_memory_limit ')
    return {
      workingSetBytes: workingSet(onlyNumber(usage), numberAfter(stat, 'total_inactive_file ')),
      anonymousBytes: numberAfter(stat, 'total_rss '),
      cacheBytes: numberAfter(stat, 'total_cache '),
      limitBytes: limitBytes === undefined || limitBytes >= noLimitBytes ? undefined : limitBytes,
    }
  },
}

const memoryV2: CgroupFiles = {
  changes: 'always',
  files: ['memory.current', 'memory.stat', 'memory.max'],
  parse: (usage, stat, limit) => ({
    workingSetBytes: workingSet(onlyNumber(usage), numberAfter(stat, 'inactive_file ')),
    anonymousBytes: numberAfter(stat, 'anon '),
    cacheBytes: numberAfter(stat, 'file '),
    limitBytes: onlyNumber(limit),
  }),
}

/** A cgroup that has done no I/O has an empty file: it counts, from 0. Devices without numbers are lines without them. The kernel writes back. */
const diskV2: CgroupFiles = {
  changes: 'always',
  files: ['io.stat'],
  parse: (stat) => ({ readBytes: sumOf(stat, /\brbytes=(\d+)/g), writeBytes: sumOf(stat, /\bwbytes=(\d+)/g) }),
}

const tasks: CgroupFiles = {
  changes: 'with work',
  files: ['pids.current'],
  parse: (current) => ({ threads: onlyNumber(current) }),
}

/** What a cgroup tells of, and where; a resource that is missing it does not tell of. */
export type CgroupResources<T> = Readonly<Partial<Record<'cpu' | 'memory' | 'disk' | 'tasks', T>>>

/** Version 1, block I/O not: it knows nothing of writes through the page cache, and on new kernels nothing without a limit. */
export const resourcesV1: CgroupResources<CgroupFiles> = {
  cpu: cpuV1,
  memory: memoryV1,
  tasks: { ...tasks, controller: 'pids' },
}

export const resourcesV2: CgroupResources<CgroupFiles> = { cpu: cpuV2, memory: memoryV2, disk: diskV2, tasks }

function workingSet(usage: number | undefined, inactiveFile: number | undefined): number | undefined {
  return usage === undefined || inactiveFile === undefined ? undefined : Math.max(0, usage - inactiveFile)
}

function scaled(value: number | undefined, divisor: number): number | undefined {
  return value === undefined ? undefined : value / divisor
}

function sumOf(text: string | undefined, pattern: RegExp): number | undefined {
  return text === undefined
    ? undefined
    : Array.from(text.matchAll(pattern), ([, digits]) => Number(digits)).reduce((sum, one) => sum + one, 0)
}
