/** What an agent asks for, on `reply._controller.blob-<id>`: the answer comes on its `control.blob.<the same id>`. */
import { randomBytes } from 'node:crypto'
import * as z from 'zod/mini'
import { encodeJson, parseJson } from '#protocol/messages/json.ts'
import { blobBytesMax, blobIdPrefix, chunkBytesMax, sha256Pattern } from './blob-format.ts'

/** One piece. */
export interface BlobAsk {
  readonly sha256: string
  /** Where it begins. */
  readonly from: number
  /** How long it may be. */
  readonly bytes: number
}

const askSchema: z.ZodMiniType<BlobAsk> = z.object({
  sha256: z.string().check(z.regex(sha256Pattern)),
  from: z.int().check(z.minimum(0), z.maximum(blobBytesMax)),
  bytes: z.int().check(z.minimum(1), z.maximum(chunkBytesMax)),
})

/** An id that no other ask has. */
export function newBlobAskId(): string {
  return `${blobIdPrefix}${randomBytes(12).toString('base64url')}`
}

export function encodeBlobAsk(ask: BlobAsk): Uint8Array {
  return encodeJson(ask)
}

/** Throws MESSAGE_INVALID. */
export function parseBlobAsk(body: Uint8Array): BlobAsk {
  return parseJson(body, askSchema, 'ask for a blob')
}
