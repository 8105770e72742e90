/**
 * One journal row: the samples of one commit, in arrival order, as three columns. Self-contained: a row is readable when every
 * other row is lost. The page is `agent/store/README.md`, "Journal row"; the key holds the position of the last sample.
 *
 * ```
 * crc32c u32le over all that follows | version u8 | count | idBytes | timeBytes | ids | times | values
 * ```
 */

/** The first byte after the checksum. */
export const rowVersion = 1

/** Samples in one row at most; a decoder refuses more before it allocates. */
export const rowSamplesMax = 65_536

/** Bytes of the checksum in front. */
export const rowChecksumBytes = 4

/** Divisors of a decimal value by the scale in its control byte, bits 3–4. */
export const scaleDivisors: readonly number[] = [1, 10, 100, 1000]

/** Length code of a value that is no small decimal: eight bytes of double follow, little endian. */
export const rawValue = 7

/** Bytes a sample needs at worst: id run 8 + 3, time run 8 + 3, value 9. */
export const sampleBytesMax = 31
