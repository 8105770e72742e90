import type { Reading } from './sensor.ts'

/**
 * Bytes of one `Name:   value kB` line of `/proc/meminfo`, undefined where there is none. Looks for the few lines that are
 * wanted instead of splitting all fifty: this runs in a process that is cold most of the time.
 */
export function meminfoBytes(text: string, name: string): number | undefined {
  const at = text.startsWith(`${name}:`) ? 0 : text.indexOf(`\n${name}:`) + 1
  if (at === 0 && !text.startsWith(`${name}:`)) return undefined
  const kibibytes = Number.parseInt(text.slice(at + name.length + 1, text.indexOf(' kB', at)), 10)
  return Number.isFinite(kibibytes) ? kibibytes * 1024 : undefined
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
