import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatDuration, parseDuration, parseTime } from './time.ts'

describe('parseDuration', () => {
  it.each([
    ['90s', 90_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['200ms', 200],
    ['1d', 86_400_000],
    ['1w', 604_800_000],
    ['1.5h', 5_400_000],
    ['0s', 0],
  ])('reads %s', (text, ms) => expect(parseDuration(text)).toBe(ms))

  it.each(['', '5', '-5m', '5 m', 'm', '5y', '1h 30m', '1e3s', '.5s', '1h30', '9999999999s'])('refuses %j', (text) => {
    expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: 'DURATION_INVALID' }))
  })

  it('is undone by formatDuration and undoes it', () => {
    expect(formatDuration(5_400_000)).toBe('1h30m')
    expect(formatDuration(90_061_001)).toBe('1d1h1m1s1ms')
    expect(formatDuration(0)).toBe('0s')
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 12 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms)
      }),
    )
  })
})

describe('parseTime', () => {
  const now = 1_700_000_000_000

  it.each([
    ['now', now],
    ['-1h', now - 3_600_000],
    ['+5m', now + 300_000],
    ['now-1h30m', now - 5_400_000],
    ['1700000000123', 1_700_000_000_123],
    ['0', 0],
    ['-1', -1],
    ['2023-11-14', Date.UTC(2023, 10, 14)],
    ['2023-11-14T22:13:20Z', now],
    ['2023-11-14T22:13:20', now],
    ['2023-11-14 22:13:20.250', now + 250],
    ['2023-11-14T23:13+01:00', now - 20_000],
  ])('reads %s', (text, ms) => expect(parseTime(text, now)).toBe(ms))

  it.each([
    '',
    'yesterday',
    '- 1h',
    '1h',
    '2023-13-01',
    '2023-02-30T99:00Z',
    '99999999999999999',
    'now-',
    '14/11/2023',
  ])('refuses %j', (text) => {
    expect(() => parseTime(text, now)).toThrow(expect.objectContaining({ code: 'TIME_INVALID' }))
  })
})
