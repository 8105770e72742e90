/** The hash of a double, 48 bits: two rounds of MurmurHash3's 32-bit finalizer over its halves (Austin Appleby, public domain). */

/** A function that hashes finite numbers to whole numbers from 0 to 2^48 − 1; the same on every machine. */
export function valueHasher(): (value: number) => number {
  const view = new DataView(new ArrayBuffer(8))
  return (value) => {
    view.setFloat64(0, value)
    const low = view.getUint32(4)
    const high = view.getUint32(0)
    const first = mixed(low ^ mixed(high ^ 0x9e37_79b9))
    const second = mixed(high ^ mixed(first ^ 0x85eb_ca6b))
    return (second >>> 16) * 2 ** 32 + (first >>> 0)
  }
}

function mixed(n: number): number {
  let h = n
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35)
  return h ^ (h >>> 16)
}
