/**
 * CRC-32C (Castagnoli, reflected polynomial 0x82F63B78, start and final XOR of all ones), as in RFC 3720 appendix B.4.
 * Eight tables, so that eight bytes cost eight look-ups and no dependent chain ("slicing by 8").
 */
const polynomial = 0x82f63b78

const tables = buildTables()

function buildTables(): Int32Array {
  const all = new Int32Array(8 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    all[byte] = crc
  }
  for (let i = 256; i < all.length; i++) {
    const previous = all[i - 256] as number
    all[i] = (previous >>> 8) ^ (all[previous & 255] as number)
  }
  return all
}

/**
 * The checksum of `bytes[start, end)` as an unsigned 32-bit number.
 * @param previous checksum of what came before, to go on from; 0 at the beginning
 */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length, previous = 0): number {
  let crc = ~previous
  let i = start
  for (; i + 8 <= end; i += 8) {
    crc ^= word(bytes, i)
    const next = word(bytes, i + 4)
    crc =
      (tables[1792 + (crc & 255)] as number) ^
      (tables[1536 + ((crc >>> 8) & 255)] as number) ^
      (tables[1280 + ((crc >>> 16) & 255)] as number) ^
      (tables[1024 + (crc >>> 24)] as number) ^
      (tables[768 + (next & 255)] as number) ^
      (tables[512 + ((next >>> 8) & 255)] as number) ^
      (tables[256 + ((next >>> 16) & 255)] as number) ^
      (tables[next >>> 24] as number)
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ (tables[(crc ^ (bytes[i] as number)) & 255] as number)
  return ~crc >>> 0
}

function word(bytes: Uint8Array, i: number): number {
  return (
    (bytes[i] as number) |
    ((bytes[i + 1] as number) << 8) |
    ((bytes[i + 2] as number) << 16) |
    ((bytes[i + 3] as number) << 24)
  )
}
