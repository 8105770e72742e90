/**
 * Canonical Huffman codes of at most CODE_BITS_MAX bits over the residual alphabet, as in deflate (RFC 1951 §3.2.2): shorter
 * codes first, equal lengths in symbol order, codes sent with their first bit in the lowest place.
 */
import { SYMBOLS } from './alphabet.ts'

/** Longest code; 2^this entries decode any code in one look-up. */
export const CODE_BITS_MAX = 10

/** Reused room to make codes for one histogram after the other. */
export class HuffmanCodes {
  /** Bits of each symbol's code; 0 for a symbol that does not occur, and for the only one that does. */
  readonly lengths: Uint8Array = new Uint8Array(SYMBOLS)
  /** Each symbol's code, first bit lowest. */
  readonly codes: Uint16Array = new Uint16Array(SYMBOLS)
  readonly #symbols = new Uint8Array(SYMBOLS)
  readonly #weights = new Float64Array(2 * SYMBOLS)
  readonly #parents = new Uint8Array(2 * SYMBOLS)
  readonly #depths = new Uint8Array(2 * SYMBOLS)
  readonly #perLength = new Uint16Array(SYMBOLS + 1)
  readonly #next = new Uint16Array(CODE_BITS_MAX + 1)

  /**
   * Makes the codes for how often each symbol occurs.
   * @returns how many symbols occur
   */
  build(histogram: Uint32Array): number {
    this.lengths.fill(0)
    const used = this.#sortUsed(histogram)
    if (used < 2) return used
    this.#growTree(used)
    this.#shorten(used)
    this.#assignLengths(used)
    assignCodes(this.lengths, this.codes, this.#next)
    return used
  }

  /** Puts the used symbols in order of rising weight. */
  #sortUsed(histogram: Uint32Array): number {
    const symbols = this.#symbols
    const weights = this.#weights
    let used = 0
    for (let symbol = 0; symbol < SYMBOLS; symbol++) {
      const weight = histogram[symbol] as number
      if (weight === 0) continue
      let at = used++
      for (; at > 0 && (weights[at - 1] as number) > weight; at--) {
        weights[at] = weights[at - 1] as number
        symbols[at] = symbols[at - 1] as number
      }
      weights[at] = weight
      symbols[at] = symbol
    }
    return used
  }

  /** Joins the two lightest nodes until one is left: leaves are sorted, and joined nodes come out sorted. */
  #growTree(used: number): void {
    const weights = this.#weights
    const parents = this.#parents
    let leaf = 0
    let joined = used
    for (let next = used; next < 2 * used - 1; next++) {
      let weight = 0
      for (let child = 0; child < 2; child++) {
        const takeLeaf = leaf < used && (joined === next || (weights[leaf] as number) <= (weights[joined] as number))
        const node = takeLeaf ? leaf++ : joined++
        weight += weights[node] as number
        parents[node] = next
      }
      weights[next] = weight
    }
    this.#depths[2 * used - 2] = 0
    this.#perLength.fill(0)
    for (let node = 2 * used - 3; node >= 0; node--) {
      const depth = (this.#depths[parents[node] as number] as number) + 1
      this.#depths[node] = depth
      if (node < used) this.#perLength[depth] = (this.#perLength[depth] as number) + 1
    }
  }

  /** Cuts codes that are too long and lengthens others until the code is complete again. */
  #shorten(used: number): void {
    const perLength = this.#perLength
    let room = 1 << CODE_BITS_MAX
    for (let length = used; length > CODE_BITS_MAX; length--) {
      perLength[CODE_BITS_MAX] = (perLength[CODE_BITS_MAX] as number) + (perLength[length] as number)
      perLength[length] = 0
    }
    for (let length = 1; length <= CODE_BITS_MAX; length++) {
      room -= (perLength[length] as number) << (CODE_BITS_MAX - length)
    }
    for (; room < 0; room++) {
      let length = CODE_BITS_MAX - 1
      while (perLength[length] === 0) length--
      perLength[length] = (perLength[length] as number) - 1
      perLength[length + 1] = (perLength[length + 1] as number) + 2
      perLength[CODE_BITS_MAX] = (perLength[CODE_BITS_MAX] as number) - 1
    }
  }

  /** The lightest symbols get the longest codes. */
  #assignLengths(used: number): void {
    let at = 0
    for (let length = CODE_BITS_MAX; length > 0; length--) {
      for (let n = this.#perLength[length] as number; n > 0 && at < used; n--) {
        this.lengths[this.#symbols[at++] as number] = length
      }
    }
  }
}

/** Writes the canonical code of every symbol with a length into `codes`. @param next room for CODE_BITS_MAX + 1 numbers */
export function assignCodes(lengths: Uint8Array, codes: Uint16Array, next: Uint16Array): void {
  next.fill(0)
  for (let symbol = 0; symbol < SYMBOLS; symbol++) {
    const length = lengths[symbol] as number
    next[length] = (next[length] as number) + 1
  }
  let code = 0
  for (let length = 1; length <= CODE_BITS_MAX; length++) {
    const first = code
    code = (code + (next[length] as number)) << 1
    next[length] = first
  }
  for (let symbol = 0; symbol < SYMBOLS; symbol++) {
    const length = lengths[symbol] as number
    if (length === 0) continue
    const own = next[length] as number
    next[length] = own + 1
    codes[symbol] = reverseBits(own, length)
  }
}

/** Turns a code of up to 16 bits around by swapping neighbours, pairs, halves of bytes and bytes. */
function reverseBits(code: number, length: number): number {
  let bits = ((code & 0x5555) << 1) | ((code >>> 1) & 0x5555)
  bits = ((bits & 0x3333) << 2) | ((bits >>> 2) & 0x3333)
  bits = ((bits & 0x0f0f) << 4) | ((bits >>> 4) & 0x0f0f)
  bits = ((bits & 0x00ff) << 8) | (bits >>> 8)
  return bits >>> (16 - length)
}
