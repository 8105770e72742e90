/** Room on mounted filesystems. A mount that hangs is reported as such and holds up nothing else. */
import * as z from 'zod/mini'
import { mayHang, reportedMounts } from './mount-filter.ts'
import { MountProbes, type ProbeAnswer } from './mount-probes.ts'
import { type Mount, mountOf, parseMountinfo } from './mountinfo.ts'
import { openPortable } from './portable.ts'
import { ProcFile } from './proc-file.ts'
import { type OpenSensor, type Outcome, parseParameters, type Reading, type Sensor, type SensorDeps } from './sensor.ts'
import { type SizeScale, type SizeUnit, sizeScale, sizeUnits } from './size-units.ts'
import { type FilesystemSize, type StatfsWays, statfsWays } from './statfs.ts'
import { tagValue } from './tag-value.ts'

export interface FilesystemParameters {
  /** Only the filesystem that holds this path, of whatever type. Default: all that hold files of this machine. */
  readonly path?: string | undefined
  /** The seed's name of `path`; counts where `path` is absent. */
  readonly fs_root?: string | undefined
  /** Report sizes in this unit instead of bytes. */
  readonly unit?: SizeUnit | undefined
  /** Mount points that ought to be there; each is reported as `filesystem.mounted` 1 or 0. Default none. */
  readonly expect?: readonly string[] | undefined
  /** A mount that has not answered after this long is stuck, ms. Default 1,000. */
  readonly mountDeadlineMs?: number | undefined
}

const absolute = z.string().check(z.regex(/^\//, 'an absolute path'))
const schema: z.ZodMiniType<FilesystemParameters> = z.strictObject({
  path: z.optional(absolute),
  fs_root: z.optional(absolute),
  unit: z.optional(z.enum(sizeUnits)),
  expect: z.optional(z.array(absolute).check(z.maxLength(64))),
  mountDeadlineMs: z.optional(z.int().check(z.gte(10), z.lte(60_000))),
})

/** Mounts reported at most; the rest is counted in `filesystem.mounts_left_out`. */
const mountsMax = 32

const mount = ['mount']

/** `filesystem.*`. */
export const filesystemSensor: Sensor<FilesystemParameters> = {
  name: 'filesystem',
  metrics: [
    {
      name: 'filesystem.usage',
      unit: 'percent',
      kind: 'gauge',
      tags: mount,
      meaning: 'used / (used + free), as df counts: 100 means that programs cannot write',
    },
    { name: 'filesystem.free', unit: 'bytes', kind: 'gauge', tags: mount, meaning: 'room for unprivileged programs' },
    { name: 'filesystem.used', unit: 'bytes', kind: 'gauge', tags: mount, meaning: 'room taken' },
    { name: 'filesystem.total', unit: 'bytes', kind: 'gauge', tags: mount, meaning: 'size' },
    { name: 'filesystem.inodes_free', unit: 'count', kind: 'gauge', tags: mount, meaning: 'files that can be made' },
    { name: 'filesystem.inodes_usage', unit: 'percent', kind: 'gauge', tags: mount, meaning: 'inodes taken' },
    {
      name: 'filesystem.mount_stuck',
      unit: 'boolean',
      kind: 'gauge',
      tags: mount,
      meaning: '1 while the mount does not answer; 0 for answering mounts that could hang (NFS, FUSE, …)',
    },
    {
      name: 'filesystem.mounted',
      unit: 'boolean',
      kind: 'gauge',
      tags: mount,
      meaning: 'whether a mount point named in `expect` is mounted',
    },
    {
      name: 'filesystem.mounts_left_out',
      unit: 'count',
      kind: 'gauge',
      tags: [],
      meaning: `mounts not asked: beyond the ${mountsMax} reported, or too many others stuck; absent when there are none`,
    },
  ],
  privileges: "none; as root it reads the host's mount table (/proc/1/mountinfo), else its own",
  parse: (parameters) => parseParameters('filesystem', schema, parameters),
  open: (parameters, deps) =>
    deps.platform === 'linux' ? openFilesystem(parameters, deps, statfsWays) : openPortable('filesystem', deps),
}

/** The Linux form with its way of asking mounts given, so that tests can have mounts that hang. */
export function openFilesystem(parameters: FilesystemParameters, deps: SensorDeps, ways: StatfsWays): OpenSensor {
  return new LinuxFilesystem(parameters, deps, ways)
}

class LinuxFilesystem implements OpenSensor {
  readonly #tables: readonly ProcFile[]
  readonly #probes: MountProbes
  readonly #path: string | undefined
  readonly #expect: readonly string[]
  readonly #scale: SizeScale

  constructor(parameters: FilesystemParameters, deps: SensorDeps, ways: StatfsWays) {
    this.#tables = ['1', 'self'].map((pid) => new ProcFile(`${deps.root}/proc/${pid}/mountinfo`))
    this.#probes = new MountProbes(ways, deps.clock, parameters.mountDeadlineMs ?? 1000)
    this.#path = parameters.path ?? parameters.fs_root
    this.#expect = parameters.expect ?? []
    this.#scale = sizeScale(parameters.unit)
  }

  async read(signal: AbortSignal): Promise<Outcome> {
    const mounts = this.#mounts()
    const wanted = this.#path === undefined ? reportedMounts(mounts) : holding(this.#path, mounts)
    const points = new Set(mounts.map(({ point }) => point))
    const readings = this.#expect.map((point) => boolean('filesystem.mounted', point, points.has(point)))
    let leftOut = Math.max(0, wanted.length - mountsMax)
    for (const mount of wanted.slice(0, mountsMax)) {
      signal.throwIfAborted()
      const answer = await this.#probes.ask(mount)
      if (answer === 'unasked') leftOut++
      readings.push(...readingsOf(mount, answer, this.#scale))
    }
    if (leftOut > 0) readings.push({ name: 'filesystem.mounts_left_out', value: leftOut, unit: 'count' })
    return readings.length > 0 ? readings : { unavailable: `no filesystem mounted for ${this.#path ?? 'files'}` }
  }

  close(): void {
    for (const table of this.#tables) table.close()
    this.#probes.close()
  }

  #mounts(): readonly Mount[] {
    for (const table of this.#tables) {
      const mounts = parseMountinfo(table.read() ?? '')
      if (mounts.length > 0) return mounts
    }
    return []
  }
}

/** The mount of one path, unless looking at it would mount something. */
function holding(path: string, mounts: readonly Mount[]): readonly Mount[] {
  const mount = mountOf(path, mounts)
  return mount && mount.type !== 'autofs' ? [mount] : []
}

function readingsOf(mount: Mount, answer: ProbeAnswer, scale: SizeScale): Reading[] {
  if (answer === 'stuck') return [boolean('filesystem.mount_stuck', mount.point, true)]
  if (answer === 'failed' || answer === 'unasked') return []
  const readings = sizeReadings(mount.point, answer, scale)
  return mayHang(mount) ? [...readings, boolean('filesystem.mount_stuck', mount.point, false)] : readings
}

function sizeReadings(point: string, size: FilesystemSize, scale: SizeScale): Reading[] {
  const tags = { mount: tagValue(point) }
  const usedBytes = size.totalBytes - size.freeBytes
  const bytes = (name: string, value: number): Reading => ({
    name: `filesystem.${name}`,
    tags,
    value: value / scale.divisor,
    unit: scale.unit,
  })
  const readings = [bytes('free', size.availableBytes), bytes('used', usedBytes), bytes('total', size.totalBytes)]
  const writable = usedBytes + size.availableBytes
  if (writable > 0) {
    readings.push({ name: 'filesystem.usage', tags, value: (usedBytes * 100) / writable, unit: 'percent' })
  }
  if (size.inodes > 0) {
    const usage = ((size.inodes - size.inodesFree) * 100) / size.inodes
    readings.push({ name: 'filesystem.inodes_free', tags, value: size.inodesFree, unit: 'count' })
    readings.push({ name: 'filesystem.inodes_usage', tags, value: usage, unit: 'percent' })
  }
  return readings
}

function boolean(name: string, point: string, isTrue: boolean): Reading {
  return { name, tags: { mount: tagValue(point) }, value: isTrue ? 1 : 0, unit: 'boolean' }
}
