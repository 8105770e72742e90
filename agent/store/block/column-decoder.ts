/** Reads a column of integers that ColumnEncoder wrote. */
import type { ByteReader } from './byte-cursor.ts'
import { corrupt, type Prediction, predictions } from './format.ts'
import { RESIDUAL_BITS_MAX, type TokenReader } from './token-reader.ts'

/**
 * Reads `out[1, count)`; `out[0]` becomes `base`. The reader must stand at the column, and stands behind it afterwards.
 * Throws BLOCK_CORRUPT.
 */
export function decodeColumn(
  reader: ByteReader,
  tokens: TokenReader,
  base: number,
  out: Float64Array,
  count: number,
): void {
  const code = reader.byte()
  const prediction = predictions[code]
  if (prediction === undefined) throw corrupt('payload', `found the prediction ${code}, expected 0 to 3`)
  const divisor = reader.varint()
  const center = reader.signedVarint()
  if (prediction !== 'line') {
    tokens.open(reader.view, reader.position, reader.end, RESIDUAL_BITS_MAX)
    tokens.readResiduals(out, 1, count)
    reader.position = tokens.close()
  }
  restore(prediction, out, count, base, divisor, center)
}

/** Undoes the prediction in place, then the division, then the offset. */
function restore(
  prediction: Prediction,
  out: Float64Array,
  count: number,
  base: number,
  divisor: number,
  center: number,
): void {
  out[0] = base
  let number = 0
  let step = center
  switch (prediction) {
    case 'line':
      for (let i = 1; i < count; i++) out[i] = base + divisor * (number += center)
      return
    case 'level':
      for (let i = 1; i < count; i++) out[i] = base + divisor * ((out[i] as number) + center)
      return
    case 'delta':
      for (let i = 1; i < count; i++) out[i] = base + divisor * (number += (out[i] as number) + center)
      return
    case 'deltaOfDelta':
      for (let i = 1; i < count; i++) out[i] = base + divisor * (number += step += out[i] as number)
  }
}
