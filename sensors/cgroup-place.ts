/** Where the cgroup of a process is: each controller may be in a hierarchy of its own (version 1) or in the one of version 2. */
import { parseMountinfo } from './mountinfo.ts'

/** Mount points of the cgroup file systems. */
export interface CgroupMounts {
  /** By controller: `memory`, `cpuacct`, … */
  readonly v1: ReadonlyMap<string, string>
  readonly v2: string | undefined
}

/** From a mount table, `/proc/self/mountinfo`. */
export function cgroupMounts(mountinfo: string): CgroupMounts {
  const mounts = parseMountinfo(mountinfo)
  const v1 = mounts
    .filter(({ type }) => type === 'cgroup')
    .flatMap(({ options, point }) => options.map((option): [string, string] => [option, point]))
  return { v1: new Map(v1), v2: mounts.find(({ type }) => type === 'cgroup2')?.point }
}

/**
 * The folder of one controller's files in version 1; undefined where the controller is not mounted so.
 * @param membership `/proc/PID/cgroup`
 */
export function cgroupFolderV1(membership: string, controller: string, { v1 }: CgroupMounts): string | undefined {
  const line = membership.split('\n').find((one) => one.split(':')[1]?.split(',').includes(controller))
  return folder(v1.get(controller), line)
}

/** The folder of everything in version 2; undefined where there is none. */
export function cgroupFolderV2(membership: string, { v2 }: CgroupMounts): string | undefined {
  return folder(
    v2,
    membership.split('\n').find((one) => one.startsWith('0::')),
  )
}

/** Never the root, which is the whole machine, nor what is outside of what we see. */
function folder(mount: string | undefined, line: string | undefined): string | undefined {
  const path = line?.split(':').slice(2).join(':')
  if (mount === undefined || path === undefined || path === '/' || path.split('/').includes('..')) return undefined
  return mount + path
}
