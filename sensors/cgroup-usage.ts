import type { CgroupFiles } from './cgroup-files.ts'
import { resourcesV1, resourcesV2 } from './cgroup-files.ts'
import { type CgroupMounts, cgroupFolderV1, cgroupFolderV2 } from './cgroup-place.ts'
import type { InstanceUsage } from './instance-usage.ts'
import { NamespaceTraffic } from './namespace-traffic.ts'
import { ProcFile } from './proc-file.ts'
import { ProcessIo } from './process-io.ts'

interface Resource {
  readonly files: readonly ProcFile[]
  readonly parse: CgroupFiles['parse']
}

/** What an instance with a cgroup of its own uses, from that cgroup's files, which stay open. */
export class CgroupUsage {
  readonly #resources: readonly Resource[]
  readonly #members: ProcFile
  /** Where the cgroup itself does not tell. */
  readonly #io: ProcessIo | undefined
  readonly #traffic: NamespaceTraffic | undefined

  private constructor(folders: Folders, pid: number, root: string) {
    this.#resources = folders.found.map(([folder, { files, parse }]) => ({
      files: files.map((name) => fileIn(root + folder, name)),
      parse,
    }))
    this.#members = fileIn(root + folders.members, 'cgroup.procs')
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
  read(): InstanceUsage | undefined {
    const members = this.#members.read()
    if (members === undefined) return undefined
    const usages = this.#resources.map(({ files, parse }) => parse(...files.map((file) => file.read())))
    const usage: InstanceUsage = Object.assign({}, ...usages)
    const pids = members.split('\n').filter((pid) => pid !== '')
    // processes may all be in cgroups below this one: then their number is not known here
    if (pids.length === 0 && (usage.threads ?? 0) === 0) return undefined
    return {
      ...usage,
      ...(pids.length > 0 ? { processes: pids.length } : {}),
      ...this.#io?.read(pids),
      ...this.#traffic?.read(),
    }
  }

  /** Idempotent. */
  close(): void {
    for (const { files } of this.#resources) for (const file of files) file.close()
    this.#members.close()
    this.#io?.close()
    this.#traffic?.close()
  }
}

interface Folders {
  readonly found: readonly (readonly [folder: string, resource: CgroupFiles])[]
  /** Where `cgroup.procs` is read. */
  readonly members: string
  readonly isDiskKnown: boolean
}

/** Version 1 where a controller is mounted so: then version 2 has no files of it. */
function foldersOf(membership: string, mounts: CgroupMounts): Folders | undefined {
  const v2 = cgroupFolderV2(membership, mounts)
  const isV1 = resourcesV1.some(({ controller = '' }) => mounts.v1.has(controller))
  const found = isV1
    ? resourcesV1.flatMap((resource) => {
        const folder = cgroupFolderV1(membership, resource.controller ?? '', mounts)
        return folder === undefined ? [] : [[folder, resource] as const]
      })
    : v2 === undefined
      ? []
      : resourcesV2.map((resource) => [v2, resource] as const)
  const members = found.at(-1)?.[0]
  return members === undefined ? undefined : { found, members, isDiskKnown: !isV1 }
}

function fileIn(folder: string, name: string): ProcFile {
  return new ProcFile(`${folder}/${name}`, { hasShortLines: true, bufferBytes: name === 'memory.stat' ? 4096 : 512 })
}
