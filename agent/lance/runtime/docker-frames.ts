/**
 * Both output streams of a container in one, as the engine sends them without a terminal: frames of one byte stream (1 or 2), three
 * empty ones, four of length (big-endian), content (Docker Engine API, "Attach to a container").
 */
const headerBytes = 8

/** The contents in order, in chunks as they come. A stream cut in the middle ends there. */
export async function* readFrames(bytes: AsyncIterable<Uint8Array | string>): AsyncGenerator<Buffer> {
  let header = Buffer.alloc(0)
  let left = 0
  for await (const chunk of bytes) {
    let rest = Buffer.from(chunk)
    while (rest.length > 0) {
      if (left > 0) {
        const part = rest.subarray(0, left)
        left -= part.length
        rest = rest.subarray(part.length)
        yield part
        continue
      }
      const missing = headerBytes - header.length
      header = Buffer.concat([header, rest.subarray(0, missing)])
      rest = rest.subarray(missing)
      if (header.length < headerBytes) continue
      left = header.readUInt32BE(4)
      header = Buffer.alloc(0)
    }
  }
}
