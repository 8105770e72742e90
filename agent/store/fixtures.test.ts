/** Bytes that version 1 wrote, decoded for ever: a change that breaks one of these needs a new version byte. */
import { expect, test } from 'vitest'
import { blockKey } from './area/area-keys.ts'
import { decodeStored } from './area/stored-block.ts'
import { decodePage } from './dictionary-page.ts'
import { decodeRow } from './journal/row-decoder.ts'
import { decodeWindows } from './tier/tier-block.ts'

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))

test('journal row, version 1', () => {
  const row = decodeRow(
    bytes(
      'b8eb99b401050611000205000c0080b083c59868000001a09c0100bfb80200012a31190795d626e80b2e113e0700000000000000801cfd1d2c04',
    ),
  )
  expect([...row.seriesIds]).toEqual([0, 1, 2, 0, 7])
  expect([...row.timestampsMs]).toEqual([1.79e12, 1.79e12, 1.79e12, 1.79e12 + 10_000, 1.79e12 - 10_000])
  expect([...row.values]).toEqual([42, -0.25, 1e-9, -0, 70000.125])
})

test('dictionary page, version 1, plain', () => {
  expect(
    decodePage(bytes('1bb2102f01006370752e75736167650970657263656e740a7765622e686974733b636f64653d323030')),
  ).toEqual([{ name: 'cpu.usage', unit: 'percent' }, { name: 'web.hits;code=200' }])
})

test('dictionary page, version 1, deflated', () => {
  const page = bytes(
    '3132a63201016dd2310e83401043d19ec3206c0708c72111050568b54aee9f3ef3db5ff969666f6dbc8e4f3fdfe3fdbd5e479f86fd3fa926d7949a1e35cd352d' +
      '35ad353d6bda602acd87fd0280402020080c0284402160081c0687e90ee030380c0e83c3e030380c0e8323e00838420f058e8023e00838028e8023db0f',
  )
  expect(decodePage(page)).toEqual(Array.from({ length: 40 }, (_, i) => ({ name: `app.metric.number${i}` })))
})

test('value of a block, version 1', () => {
  const key = { day: 20_000, seriesId: 7, startMs: 20_000 * 86_400_000 + 5, sequence: 3 }
  expect(Buffer.from(blockKey(key)).toString('hex')).toBe('6480004e20000000070000000500000003')
  expect(decodeStored(blockKey(key), bytes('ac02bc05010203'))).toEqual({
    ...key,
    from: 300,
    to: 1000,
    bytes: Uint8Array.of(1, 2, 3),
  })
})

test('windows of a tier, version 1', () => {
  const windows = decodeWindows(
    bytes(
      '13010102809f49c0cf24010101030101ef388dfc26115102809f49c0cf249a014505000000000000803140010000000000002240030541865abc401d2141' +
        '02809f49c0cf24901f811000000000002049400381080178e0d22313010102809f49c0cf24040101030101816448a117011102809f49c0cf240341010041' +
        '01030301411b31c88f',
    ),
  )
  expect(Object.fromEntries(Object.entries(windows).map(([name, column]) => [name, [...column]]))).toEqual({
    startsMs: [600_000, 1_200_000],
    min: [1, 2],
    max: [9, 8.5],
    sum: [20, 30.25],
    count: [4, 5],
    last: [3, 2],
  })
})
