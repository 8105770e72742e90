import type { Reading } from './sensor.ts'

/** Parses `/proc/meminfo`: `Name:   value kB` lines to bytes; lines of another shape are skipped. */
export function parseMeminfo(text: string): ReadonlyMap<string, number> {
  const bytes = new Map<string, number>()
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':')
    if (colon < 1 || !line.endsWith(' kB')) continue
    const kibibytes = Number(line.slice(colon + 1, -3))
    if (Number.isFinite(kibibytes)) bytes.set(line.slice(0, colon), kibibytes * 1024)
  }
  return bytes
}

/** Bytes of each kind to readings, the usage among them. */
export function memoryReadingsOf(
  bytes: Readonly<Record<'total' | 'available' | 'free' | 'cached' | 'buffers', number>>,
): readonly Reading[] {
  return [
    { name: 'memory.usage', value: ((bytes.total - bytes.available) * 100) / bytes.total, unit: 'percent' },
    ...Object.entries(bytes).map(([kind, value]) => ({ name: `memory.${kind}`, value, unit: 'bytes' })),
  ]
}
