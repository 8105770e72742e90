import { LanistaError } from '#protocol/errors.ts'
import { crc32c } from '../store/block/crc32c.ts'

/** First byte after the checksum of rows and names in the shared area. */
export const replicaRowVersion = 1

const headerBytes = 4 + 1 + 4

/** Rows, or names, as a value: checksum u32le over all that follows, version u8, a number u32le, the bytes. */
export function encodeValue(number: number, bytes: Uint8Array): Uint8Array {
  const value = new Uint8Array(headerBytes + bytes.length)
  const view = new DataView(value.buffer)
  value[4] = replicaRowVersion
  view.setUint32(5, number, true)
  value.set(bytes, headerBytes)
  view.setUint32(0, crc32c(value, 4), true)
  return value
}

/** The number and the bytes in a value; throws REPLICA_ROW_CORRUPT. */
export function decodeValue(value: Uint8Array): { readonly number: number; readonly bytes: Uint8Array } {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
  if (value.length < headerBytes) throw corrupt('its length')
  if (view.getUint32(0, true) !== crc32c(value, 4)) throw corrupt('its checksum')
  if (value[4] !== replicaRowVersion) throw corrupt('its version')
  const bytes = new Uint8Array(value.buffer, value.byteOffset + headerBytes, value.length - headerBytes)
  return { number: view.getUint32(5, true), bytes }
}

function corrupt(reason: string): LanistaError {
  return new LanistaError('REPLICA_ROW_CORRUPT', `fetch this row again: ${reason} is wrong`, { data: { reason } })
}
