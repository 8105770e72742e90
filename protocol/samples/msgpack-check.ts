/**
 * Looks over MessagePack bytes before msgpackr sees them: msgpackr allocates what a length field says, and knows extensions
 * that make objects. Here only nil, booleans, numbers, strings, binaries and arrays pass, every length is covered by bytes
 * that are there, and nesting is at most `depthMax`.
 */
const depthMax = 4

/** What is wrong with the bytes, or undefined when they are exactly one plain value of at most `valuesMax` values. */
export function msgpackFault(bytes: Uint8Array, valuesMax: number): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const open: number[] = []
  let at = 0
  let values = 0
  do {
    if (++values > valuesMax) return `more than ${valuesMax} values`
    const token = bytes[at++]
    if (token === undefined) return 'the envelope ends early'
    const shape = shapeOf(token)
    if (shape === undefined) return `MessagePack type 0x${token.toString(16)}, expected a plain value`
    if (at + shape.lengthBytes > bytes.length) return 'the envelope ends early'
    const length = shape.fixed + uintAt(view, at, shape.lengthBytes)
    at += shape.lengthBytes
    if (length > bytes.length - at) return `a length of ${length} with ${bytes.length - at} bytes left`
    if (open.length > 0) open[open.length - 1] = (open.at(-1) as number) - 1
    if (!shape.isArray) at += length
    else if (open.push(length) > depthMax) return `arrays nested deeper than ${depthMax}`
    while (open.at(-1) === 0) open.pop()
  } while (open.length > 0)
  return at === bytes.length ? undefined : `${bytes.length - at} bytes behind the envelope`
}

interface Shape {
  readonly isArray: boolean
  /** Bytes of the length field behind the token. */
  readonly lengthBytes: number
  /** Length that the token itself says: bytes, or elements of an array. */
  readonly fixed: number
}

function shapeOf(token: number): Shape | undefined {
  if (token <= 0x7f || token >= 0xe0) return plain(0)
  if (token >= 0x90 && token <= 0x9f) return { isArray: true, lengthBytes: 0, fixed: token & 15 }
  if (token >= 0xa0 && token <= 0xbf) return plain(token & 31)
  return shapes.get(token)
}

function plain(fixed: number, lengthBytes = 0): Shape {
  return { isArray: false, lengthBytes, fixed }
}

const shapes: ReadonlyMap<number, Shape> = new Map([
  [0xc0, plain(0)],
  [0xc2, plain(0)],
  [0xc3, plain(0)],
  [0xc4, plain(0, 1)],
  [0xc5, plain(0, 2)],
  [0xc6, plain(0, 4)],
  [0xca, plain(4)],
  [0xcb, plain(8)],
  [0xcc, plain(1)],
  [0xcd, plain(2)],
  [0xce, plain(4)],
  [0xcf, plain(8)],
  [0xd0, plain(1)],
  [0xd1, plain(2)],
  [0xd2, plain(4)],
  [0xd3, plain(8)],
  [0xd9, plain(0, 1)],
  [0xda, plain(0, 2)],
  [0xdb, plain(0, 4)],
  [0xdc, { isArray: true, lengthBytes: 2, fixed: 0 }],
  [0xdd, { isArray: true, lengthBytes: 4, fixed: 0 }],
])

function uintAt(view: DataView, at: number, bytes: number): number {
  if (bytes === 0) return 0
  return bytes === 1 ? view.getUint8(at) : bytes === 2 ? view.getUint16(at) : view.getUint32(at)
}
