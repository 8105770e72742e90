/** Opens blocks that BlockEncoder sealed; README.md of this folder describes the bytes. */
import { ByteReader } from './byte-cursor.ts'
import { decodeColumn } from './column-decoder.ts'
import { powersOfTen } from './decimal.ts'
import { type BlockHeader, badInput, corrupt } from './format.ts'
import { CHECKSUM_BYTES, decodeHeader, verifyBlock } from './header-reader.ts'
import { TokenReader } from './token-reader.ts'
import { decodeXor } from './xor.ts'

/** Values of a block that its integers do not give. */
interface Exceptions {
  readonly positions: readonly number[]
  readonly values: readonly number[]
  /** The first integer of the column. */
  readonly base: number
}

/** Decodes one block after the other; nothing is allocated per sample. */
export class BlockDecoder {
  readonly #tokens = new TokenReader()

  /**
   * Checks the checksum and writes a block's samples to the beginning of both arrays.
   *
   * Throws BLOCK_CORRUPT for bytes that are no valid block (the arrays then hold nothing of use), whatever the bytes are;
   * BLOCK_INPUT when an array is shorter than the block's count. What the header says about the values is not compared with
   * them.
   * @returns how many samples were written
   */
  decode(bytes: Uint8Array, timestampsMs: Float64Array, values: Float64Array): number {
    verifyBlock(bytes)
    const header = decodeHeader(bytes)
    const { count } = header
    if (timestampsMs.length < count || values.length < count) {
      throw badInput(
        `decode block: found room for ${Math.min(timestampsMs.length, values.length)} samples, expected at least ${count}`,
      )
    }
    const reader = new ByteReader(bytes, header.payloadOffset, bytes.length - CHECKSUM_BYTES)
    const exceptions = header.hasExceptions ? readExceptions(reader, count) : undefined
    this.#decodeTimes(header, reader, timestampsMs)
    this.#decodeValues(header, reader, values, exceptions)
    if (reader.position !== reader.end) throw corrupt('payload', 'bytes are left over behind the last sample')
    return count
  }

  #decodeTimes(header: BlockHeader, reader: ByteReader, out: Float64Array): void {
    const { timeCodec, count, t0Ms, t1Ms, stepMs } = header
    if (timeCodec === 'regular') {
      for (let i = 0; i < count; i++) out[i] = t0Ms + i * stepMs
      return
    }
    if (timeCodec === 'column') decodeColumn(reader, this.#tokens, t0Ms, out, count)
    else {
      out[0] = t0Ms
      for (let i = 1; i < count; i++) out[i] = reader.double()
    }
    checkTimes(out, count, t1Ms)
  }

  #decodeValues(header: BlockHeader, reader: ByteReader, out: Float64Array, exceptions: Exceptions | undefined): void {
    const { valueCodec, count, first, exponent } = header
    switch (valueCodec) {
      case 'constant':
        out.fill(first, 0, count)
        return
      case 'xor':
        decodeXor(reader, this.#tokens, first, out, count)
        return
      case 'integer': {
        const power = powersOfTen[exponent] as number
        const base = exceptions === undefined ? Math.round(first * power) : exceptions.base
        decodeColumn(reader, this.#tokens, base, out, count)
        if (exponent > 0) for (let i = 0; i < count; i++) out[i] = (out[i] as number) / power
        exceptions?.positions.forEach((at, i) => {
          out[at] = exceptions.values[i] as number
        })
      }
    }
  }
}

function readExceptions(reader: ByteReader, count: number): Exceptions {
  const listed = reader.varint()
  if (listed > count) throw corrupt('payload', `found ${listed} exceptions in ${count} samples`)
  const positions: number[] = []
  const values: number[] = []
  let at = 0
  for (let i = 0; i < listed; i++) {
    at += reader.varint()
    if (at >= count) throw corrupt('payload', `found an exception at ${at} of ${count} samples`)
    positions.push(at)
    values.push(reader.finite())
  }
  return { positions, values, base: reader.signedVarint() }
}

function checkTimes(timestampsMs: Float64Array, count: number, t1Ms: number): void {
  let previous = Number.NEGATIVE_INFINITY
  for (let i = 0; i < count; i++) {
    const timestampMs = timestampsMs[i] as number
    if (!(timestampMs > previous) || Math.floor(timestampMs) !== timestampMs) {
      throw corrupt('timestamps', `found the timestamp ${timestampMs} after ${previous}`)
    }
    previous = timestampMs
  }
  if (previous !== t1Ms) throw corrupt('timestamps', `found the last timestamp ${previous}, expected ${t1Ms}`)
}
