/**
 * The smallest question an NFS server can be asked: procedure 0 of its program, "do nothing" (ONC RPC version 2, RFC 5531;
 * program 100003). Pure bytes in and out.
 */

const nfsProgram = 100_003
/** Last-fragment bit of TCP record marking (RFC 5531 §11). */
const lastFragment = 0x8000_0000
/** Bytes of an answer that are looked at: header, verifier of at most 400 bytes, status. */
export const rpcReplyBytesMax = 512

/** A NULL call with its record mark. */
export function encodeNullCall(xid: number, version: number): Buffer {
  const words = [xid, 0, 2, nfsProgram, version, 0, 0, 0, 0, 0]
  const bytes = Buffer.alloc(4 + words.length * 4)
  bytes.writeUInt32BE(lastFragment + words.length * 4, 0)
  words.forEach((word, index) => bytes.writeUInt32BE(word >>> 0, 4 + index * 4))
  return bytes
}

/**
 * True when these bytes begin a reply to `xid`, accepted or denied: whoever refuses a version is there. `more` = too few bytes
 * to tell; false = something else speaks on that port.
 */
export function isNullReply(bytes: Buffer, xid: number): boolean | 'more' {
  if (bytes.length < 12) return 'more'
  return bytes.readUInt32BE(4) === xid >>> 0 && bytes.readUInt32BE(8) === 1
}
