/** The units that the seed's sensors took as a parameter; all 1024-based, as theirs were. Without the parameter: bytes. */
export const sizeUnits = ['kb', 'mb', 'gb', 'tb'] as const
export type SizeUnit = (typeof sizeUnits)[number]

const names: Record<SizeUnit, string> = { kb: 'kibibytes', mb: 'mebibytes', gb: 'gibibytes', tb: 'tebibytes' }

export interface SizeScale {
  /** Bytes are divided by this. */
  readonly divisor: number
  /** `bytes`, `mebibytes`, … */
  readonly unit: string
}

/** How to report a number of bytes. */
export function sizeScale(unit: SizeUnit | undefined): SizeScale {
  if (unit === undefined) return { divisor: 1, unit: 'bytes' }
  return { divisor: 1024 ** (sizeUnits.indexOf(unit) + 1), unit: names[unit] }
}
