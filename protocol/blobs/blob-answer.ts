/** What the controller answers, on `control.blob.<id>`: a piece, or why there is none. */
import * as z from 'zod/mini'
import { LanistaError } from '#protocol/errors.ts'
import { encodeJson, parseJson } from '#protocol/messages/json.ts'
import {
  blobAnswerKind,
  blobAnswerVersion,
  blobBytesMax,
  bytesAt,
  chunkBytesMax,
  invalidBlobAnswer,
  numberBytes,
  placeAt,
  totalAt,
} from './blob-format.ts'

export interface BlobChunk {
  /** Where it begins. */
  readonly from: number
  /** Bytes of the whole blob. */
  readonly total: number
  /** As many as were asked for, fewer at the end only. */
  readonly bytes: Uint8Array
}

const refusalSchema: z.ZodMiniType<{ readonly code: string; readonly message: string }> = z.object({
  code: z.string().check(z.regex(/^[A-Z][A-Z_]{1,39}$/)),
  message: z.string().check(z.maxLength(2_000)),
})

export function encodeBlobChunk({ from, total, bytes }: BlobChunk): Uint8Array {
  const body = Buffer.alloc(bytesAt + bytes.length)
  body[0] = blobAnswerVersion
  body[1] = blobAnswerKind.chunk
  body.writeUIntBE(from, placeAt, numberBytes)
  body.writeUIntBE(total, totalAt, numberBytes)
  body.set(bytes, bytesAt)
  return body
}

export function encodeBlobRefusal({ code, message }: LanistaError): Uint8Array {
  const text = encodeJson({ code, message: message.slice(0, 2_000) })
  return Buffer.concat([Buffer.of(blobAnswerVersion, blobAnswerKind.refusal), text])
}

/** Throws BLOB_INVALID, and for a refusal a LanistaError with its code and with `data.refused` true. */
export function parseBlobAnswer(body: Uint8Array): BlobChunk {
  const [version, kind] = body
  if (version !== blobAnswerVersion) throw invalidBlobAnswer(`version ${version ?? 'none'}`)
  if (kind === blobAnswerKind.refusal) throw refusalOf(body.subarray(placeAt))
  if (kind !== blobAnswerKind.chunk || body.length < bytesAt) throw invalidBlobAnswer(`kind ${kind ?? 'none'}`)
  const head = Buffer.from(body.buffer, body.byteOffset, bytesAt)
  const from = head.readUIntBE(placeAt, numberBytes)
  const total = head.readUIntBE(totalAt, numberBytes)
  const bytes = body.subarray(bytesAt)
  if (total > blobBytesMax || from + bytes.length > total || bytes.length > chunkBytesMax) {
    throw invalidBlobAnswer(`${bytes.length} bytes from ${from} of ${total}`)
  }
  return { from, total, bytes }
}

function refusalOf(payload: Uint8Array): LanistaError {
  try {
    const { code, message } = parseJson(payload, refusalSchema, 'refusal')
    return new LanistaError(code, message, { data: { refused: true } })
  } catch (cause) {
    return invalidBlobAnswer('a refusal of another shape', cause)
  }
}
