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

/** Parses `/proc/diskstats`, partitions included; lines of another shape are skipped. */
export function parseDiskstats(text: string): ReadonlyMap<string, DiskCounters> {
  const devices = new Map<string, DiskCounters>()
  for (const line of text.split('\n')) {
    const [, , name, ...fields] = line.trim().split(/ +/)
    const [reads, , readSectors, , writes, , writeSectors, , , busyMs] = fields.map(Number)
    if (name === undefined || reads === undefined || readSectors === undefined || busyMs === undefined) continue
    if (writes === undefined || writeSectors === undefined) continue
    devices.set(name, {
      readBytes: readSectors * sectorBytes,
      writeBytes: writeSectors * sectorBytes,
      readOperations: reads,
      writeOperations: writes,
      busyMs,
    })
  }
  return devices
}
