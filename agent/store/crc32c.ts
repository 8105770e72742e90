/** CRC-32C (Castagnoli, RFC 3720 appendix B.4), eight bytes a step by table slicing. */
const polynomial = 0x82f6_3b78
const tables: readonly Uint32Array[] = makeTables()

/** The checksum of `bytes` as an unsigned 32-bit number; `crc32c('123456789')` is 0xe3069283. */
export function crc32c(bytes: Uint8Array): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ]
  const length = bytes.length
  const sliced = length - (length % 8)
  let crc = -1
  let i = 0
  for (; i < sliced; i += 8) {
    crc =
      (t7[((bytes[i] as number) ^ crc) & 255] as number) ^
      (t6[((bytes[i + 1] as number) ^ (crc >>> 8)) & 255] as number) ^
      (t5[((bytes[i + 2] as number) ^ (crc >>> 16)) & 255] as number) ^
      (t4[((bytes[i + 3] as number) ^ (crc >>> 24)) & 255] as number) ^
      (t3[bytes[i + 4] as number] as number) ^
      (t2[bytes[i + 5] as number] as number) ^
      (t1[bytes[i + 6] as number] as number) ^
      (t0[bytes[i + 7] as number] as number)
  }
  for (; i < length; i++) crc = (t0[((bytes[i] as number) ^ crc) & 255] as number) ^ (crc >>> 8)
  return ~crc >>> 0
}

function makeTables(): Uint32Array[] {
  const first = Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    return crc
  })
  const made = [first]
  for (let table = 1; table < 8; table++) {
    const before = made[table - 1] as Uint32Array
    made.push(before.map((crc) => (first[crc & 255] as number) ^ (crc >>> 8)))
  }
  return made
}
