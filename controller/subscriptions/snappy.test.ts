import { array, assert, nat, oneof, property, tuple, uint8Array } from 'fast-check'
import { expect, test } from 'vitest'
import { sourceOf } from './reading.ts'
import { writeRequests } from './remote-write-format.ts'
import { snappyCompress } from './snappy.ts'

/** The other side, by the book: google/snappy:format_description.txt. */
function decompress(bytes: Uint8Array): Uint8Array {
  let at = 0
  const byte = (): number => bytes[at++] as number
  const little = (size: number): number => {
    let value = 0
    for (let i = 0; i < size; i++) value += byte() * 2 ** (8 * i)
    return value
  }
  let length = 0
  for (let shift = 0, more = true; more; shift += 7) {
    const next = byte()
    length += (next & 0x7f) * 2 ** shift
    more = next >= 0x80
  }
  const output: number[] = []
  while (at < bytes.length) {
    const tag = byte()
    if ((tag & 3) === 0) {
      const short = tag >> 2
      const count = (short < 60 ? short : little(short - 59)) + 1
      for (let i = 0; i < count; i++) output.push(byte())
      continue
    }
    const [count, offset] =
      (tag & 3) === 1
        ? [((tag >> 2) & 7) + 4, ((tag >> 5) << 8) + byte()]
        : [(tag >> 2) + 1, little((tag & 3) === 2 ? 2 : 4)]
    for (let i = 0; i < count; i++) output.push(output[output.length - offset] as number)
  }
  expect(output).toHaveLength(length)
  return Uint8Array.from(output)
}

test('what was compressed comes back, whatever it was', () => {
  const random = uint8Array({ maxLength: 3000 })
  const repeating = array(tuple(uint8Array({ minLength: 1, maxLength: 80 }), nat({ max: 60 })), { maxLength: 20 }).map(
    (runs) => Buffer.concat(runs.flatMap(([piece, times]) => Array.from({ length: times }, () => piece))),
  )
  assert(
    property(oneof(random, repeating), (input) => {
      expect(decompress(snappyCompress(input))).toEqual(Uint8Array.from(input))
    }),
  )
})

test('what is further back than a copy reaches is written out', () => {
  const block = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7919 + (i >> 8) * 31) & 0xff)
  const input = Buffer.concat([block, Buffer.alloc(300), block])
  expect(Buffer.compare(decompress(snappyCompress(input)), input)).toBe(0)
})

test('a remote write of many hosts shrinks to less than a third', () => {
  const readings = Array.from({ length: 500 }, (_, i) => ({
    source: sourceOf(
      { tenant: 'main', cloud: 'home', host: `web-${i}` },
      { name: 'cpu.usage', tags: { core: '1' } },
      '%',
    ),
    timestampMs: 1_700_000_000_000,
    value: i / 7,
  }))
  const request = writeRequests()(readings)
  expect(snappyCompress(request).length).toBeLessThan(request.length / 3)
})
