import { type CgroupFiles, type CgroupResources, resourcesV1, resourcesV2 } from './cgroup-files.ts'
import { type CgroupMounts, cgroupFolderV1, cgroupFolderV2 } from './cgroup-place.ts'
import { CgroupResource, openIn } from './cgroup-resource.ts'
import type { InstanceUsage } from './instance-usage.ts'
import { NamespaceTraffic } from './namespace-traffic.ts'
import { ProcFile } from './proc-file.ts'
import { ProcessIo } from './process-io.ts'

/** What has shown no sign of change is read again after this all the same, ms: below the default interval, at which all is read each time. */
const freshMs = 8000

/**
 * What an instance with a cgroup of its own uses, from that cgroup's files, which stay open. One that has used no processor time since the read
 * before has the processes, threads and reads and writes of its own that it had.
 */
export class CgroupUsage {
  readonly #resources: CgroupResources<CgroupResource>
  readonly #members: ProcFile
  /** Where the cgroup itself does not tell. */
  readonly #io: ProcessIo | undefined
  readonly #traffic: NamespaceTraffic | undefined
  #freshAtMs = Number.NEGATIVE_INFINITY
  #cpuSeconds: number | undefined
  #ofMembers: Pick<InstanceUsage, 'processes' | 'readBytes' | 'writeBytes'> | undefined

  private constructor(folders: Folders, pid: number, root: string) {
    this.#resources = mapped(folders.found, ({ folder, files }) => new CgroupResource(root + folder, files))
    this.#members = openIn(root + folders.members, 'cgroup.procs')
    this.#io = folders.isDiskKnown ? undefined : new ProcessIo(root)
    this.#traffic = NamespaceTraffic.of(pid, root)
  }

  /**
   * Looks where the process is; undefined when it has ended, or is in no cgroup but the whole machine's.
   * @param root prefix of `/proc` and of the mount points
   */
  static of(pid: number, mounts: CgroupMounts, root: string): CgroupUsage | undefined {
    const file = new ProcFile(`${root}/proc/${pid}/cgroup`)
    const membership = file.read()
    file.close()
    const folders = membership === undefined ? undefined : foldersOf(membership, mounts)
    return folders && new CgroupUsage(folders, pid, root)
  }

  /** Undefined once nothing runs in the cgroup, or it has been removed. */
  read(nowMs: number): InstanceUsage | undefined {
    const isFresh = nowMs - this.#freshAtMs >= freshMs
    if (isFresh) this.#freshAtMs = nowMs
    const { cpu, memory, disk, tasks } = this.#resources
    const cpuSeconds = cpu?.read({ isFresh, hasWorked: true }).cpuSeconds
    const hasWorked = isFresh || cpuSeconds === undefined || cpuSeconds !== this.#cpuSeconds
    this.#cpuSeconds = cpuSeconds
    if (hasWorked) this.#ofMembers = this.#readMembers()
    const state = { isFresh, hasWorked }
    const threads = tasks?.read(state).threads
    // processes may all be in cgroups below this one: then their number is not known here
    if (!this.#ofMembers || (this.#ofMembers.processes === undefined && (threads ?? 0) === 0)) return undefined
    const inMemory = memory?.read(state)
    const { readBytes, writeBytes } = disk?.read(state) ?? this.#ofMembers
    const traffic = this.#traffic?.read()
    return {
      cpuSeconds,
      workingSetBytes: inMemory?.workingSetBytes,
      anonymousBytes: inMemory?.anonymousBytes,
      cacheBytes: inMemory?.cacheBytes,
      limitBytes: inMemory?.limitBytes,
      readBytes,
      writeBytes,
      rxBytes: traffic?.rxBytes,
      txBytes: traffic?.txBytes,
      processes: this.#ofMembers.processes,
      threads,
    }
  }

  /** Undefined once the cgroup has been removed. */
  #readMembers(): Pick<InstanceUsage, 'processes' | 'readBytes' | 'writeBytes'> | undefined {
    const members = this.#members.read()
    if (members === undefined) return undefined
    const pids = members.split('\n').filter((pid) => pid !== '')
    return { ...(pids.length > 0 ? { processes: pids.length } : {}), ...this.#io?.read(pids) }
  }

  /** Idempotent. */
  close(): void {
    for (const resource of Object.values(this.#resources)) resource.close()
    this.#members.close()
    this.#io?.close()
    this.#traffic?.close()
  }
}

interface Folders {
  readonly found: CgroupResources<{ readonly folder: string; readonly files: CgroupFiles }>
  /** Where `cgroup.procs` is read. */
  readonly members: string
  readonly isDiskKnown: boolean
}

/** Version 1 where a controller is mounted so: then version 2 has no files of it. */
function foldersOf(membership: string, mounts: CgroupMounts): Folders | undefined {
  const isV1 = Object.values(resourcesV1).some(({ controller = '' }) => mounts.v1.has(controller))
  const found = mapped(isV1 ? resourcesV1 : resourcesV2, (files) => {
    const { controller } = files
    const folder =
      controller === undefined ? cgroupFolderV2(membership, mounts) : cgroupFolderV1(membership, controller, mounts)
    return folder === undefined ? undefined : { folder, files }
  })
  const members = Object.values(found).at(-1)?.folder
  return members === undefined ? undefined : { found, members, isDiskKnown: !isV1 }
}

function mapped<T, U>(resources: CgroupResources<T>, of: (resource: T) => U | undefined): CgroupResources<U> {
  const entries = Object.entries(resources).map(([name, resource]) => [name, of(resource)] as const)
  return Object.fromEntries(entries.filter(([, resource]) => resource !== undefined))
}
