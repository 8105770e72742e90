/** Parses `/proc/<pid>/mountinfo`; see proc_pid_mountinfo(5). */

export interface Mount {
  /** `major:minor`, the same for every bind mount of one filesystem. */
  readonly device: string
  /** Where it is, escapes undone. */
  readonly point: string
  readonly type: string
  /** What is mounted, e.g. `/dev/vda1` or `server:/export`. */
  readonly source: string
  /** Options of the filesystem, e.g. `rw`, `addr=10.0.0.1`. */
  readonly options: readonly string[]
}

/** Mounts in the kernel's order, later ones covering earlier ones; lines of another shape are skipped. */
export function parseMountinfo(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const separator = line.indexOf(' - ')
    const [, , device, , point] = line.slice(0, Math.max(0, separator)).split(' ')
    const [type, source, options] = line.slice(separator + 3).split(' ')
    if (separator < 0 || device === undefined || point === undefined || type === undefined) return []
    return [
      { device, point: unescape(point), type, source: unescape(source ?? ''), options: options?.split(',') ?? [] },
    ]
  })
}

/** The kernel writes space, tab, newline and backslash as `\` and three octal digits. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** The mount that holds `path`: the last of those with the longest mount point above it. Touches no filesystem. */
export function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  let best: Mount | undefined
  for (const mount of mounts) {
    const isAbove = mount.point === '/' || path === mount.point || path.startsWith(`${mount.point}/`)
    if (isAbove && mount.point.length >= (best?.point.length ?? 0)) best = mount
  }
  return best
}
