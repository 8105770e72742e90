/** Figures for people. Every function answers `-` for a figure that is not known. */

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** Whole numbers as they are, others in six significant digits at most; an exponent only beyond what a table shows. */
export function formatNumber(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '-'
  const size = Math.abs(value)
  if (Number.isInteger(value) && size < 1e15) return String(value)
  if (size >= 1e15 || size < 1e-4) return value.toExponential(3)
  return String(Number(value.toPrecision(6)))
}

/** `12.3 %`; the value is in percent already. */
export function formatPercent(value: number | null | undefined): string {
  return value === null || value === undefined || !Number.isFinite(value) ? '-' : `${value.toFixed(1)} %`
}

/** `1.5 MiB`, binary units. */
export function formatBytes(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '-'
  let unit = 0
  let rest = value
  while (Math.abs(rest) >= 1024 && unit < byteUnits.length - 1) {
    rest /= 1024
    unit++
  }
  return `${unit === 0 ? Math.round(rest) : rest.toFixed(1)} ${byteUnits[unit]}`
}

/** `1.5 MiB/s`. */
export function formatRate(value: number | null | undefined): string {
  const bytes = formatBytes(value)
  return bytes === '-' ? bytes : `${bytes}/s`
}

/** How long ago, in the largest unit that fits: `3s`, `12m`, `5h`, `9d`. */
export function formatAge(ageMs: number | null | undefined): string {
  if (ageMs === null || ageMs === undefined || !Number.isFinite(ageMs)) return '-'
  const seconds = Math.max(0, Math.round(ageMs / 1000))
  if (seconds < 100) return `${seconds}s`
  if (seconds < 6_000) return `${Math.floor(seconds / 60)}m`
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`
}

/** ISO 8601 in UTC with milliseconds. */
export function formatTime(timestampMs: number): string {
  const date = new Date(timestampMs)
  return Number.isNaN(date.getTime()) ? String(timestampMs) : date.toISOString()
}
