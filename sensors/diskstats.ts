/** Counters of one block device since boot. */
export interface DiskCounters {
  readonly readBytes: number
  readonly writeBytes: number
  readonly readOperations: number
  readonly writeOperations: number
  /** Time with at least one request in flight. */
  readonly busyMs: number
}

/** The kernel counts in sectors of 512 bytes, whatever the device's own are (Documentation/admin-guide/iostats.rst). */
const sectorBytes = 512

/** Names of all block devices in `/proc/diskstats`, partitions included. */
export function diskNames(text: string): string[] {
  return Array.from(text.matchAll(/^ *\d+ +\d+ (\S+)/gm), ([, name = '']) => name)
}

/** The line of one device; undefined where it has none, or one of another shape. */
export function parseDiskLine(text: string, name: string): DiskCounters | undefined {
  const at = text.indexOf(` ${name} `)
  if (at < 0) return undefined
  const end = text.indexOf('\n', at)
  const fields = text.slice(at + name.length + 2, end < 0 ? text.length : end).split(' ')
  const [reads = 0, , readSectors = 0, , writes = 0, , writeSectors = 0, , , busyMs] = fields.map(Number)
  if (busyMs === undefined) return undefined
  return {
    readBytes: readSectors * sectorBytes,
    writeBytes: writeSectors * sectorBytes,
    readOperations: reads,
    writeOperations: writes,
    busyMs,
  }
}
