/** Sums over devices. */
import type { Reading } from './sensor.ts'

/**
 * Untagged totals of the named metrics over devices, each only where every device reports it: a sum that leaves one out would
 * be a dip that did not happen.
 */
export function totalsOf(names: readonly string[], perDevice: readonly (readonly Reading[])[]): Reading[] {
  return names.flatMap((name) => {
    const parts = perDevice.flatMap((readings) => readings.filter((reading) => reading.name === name))
    const [first] = parts
    if (!first || parts.length < perDevice.length) return []
    return [{ name, value: parts.reduce((sum, part) => sum + part.value, 0), unit: first.unit }]
  })
}
