/**
 * The symbols that residuals are written in: zero runs and magnitudes, each by its bit length. A symbol is Huffman-coded, the
 * bits below the leading one follow raw. So an idle counter costs a few bits a run, and a noisy one its noise.
 *
 * Symbol `k − 1` is a run of zeros whose length has `k` bits (1 to 16); symbol `15 + k` is a non-zero number of `k` bits
 * (1 to 64).
 */
export const RUN_CLASSES = 16
export const NUMBER_CLASSES = 64
export const SYMBOLS: number = RUN_CLASSES + NUMBER_CLASSES
/** Code length that stands for "the only symbol there is", whose code has no bits. */
export const ONLY_SYMBOL = 15

/** Bits of a number below its leading one, for each symbol. */
export const extraBits: Uint8Array = Uint8Array.from({ length: SYMBOLS }, (_, symbol) =>
  symbol < RUN_CLASSES ? symbol : symbol - RUN_CLASSES,
)

/** Bits up to and including the leading one; 0 for 0. @param value integer, 0 to 2^53 */
export function bitLength(value: number): number {
  return value < 4294967296 ? 32 - Math.clz32(value) : 64 - Math.clz32(value / 4294967296)
}
