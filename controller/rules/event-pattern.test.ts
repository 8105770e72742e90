import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EventPattern } from '#protocol/monitors/rule.ts'
import type { RuleEvent } from './decision.ts'
import { patternText, seesPattern } from './event-pattern.ts'

const nowMs = 1_000_000

function pattern(kinds: string, more: Partial<EventPattern> = {}): EventPattern {
  return { sequence: Array.from(kinds, (kind) => ({ kind, where: {} })), withinMs: 1000, count: 1, ...more }
}

/** One event a letter, 10 ms apart, the last one now. */
function events(kinds: string): RuleEvent[] {
  return Array.from(kinds, (kind, i) => ({ kind, atMs: nowMs - 10 * (kinds.length - 1 - i), fields: { host: kind } }))
}

function seen(one: EventPattern, recent: readonly RuleEvent[], heardSinceMs = 0): boolean | null {
  return seesPattern(one, { recent, heardSinceMs }, nowMs).value
}

describe('a pattern of events', () => {
  it.each<[string, string, number, boolean]>([
    ['a', 'a', 1, true],
    ['a', 'b', 1, false],
    ['ab', 'ab', 1, true],
    ['ab', 'ba', 1, false],
    ['ab', 'axxb', 1, true],
    ['aa', 'a', 1, false],
    ['a', 'aaa', 3, true],
    ['a', 'aa', 3, false],
    ['ab', 'aabb', 2, false],
    ['ab', 'abab', 2, true],
    ['ab', 'abxaxb', 2, true],
  ])('%s in %s, %d times: %s', (kinds, heard, count, value) => {
    expect(seen(pattern(kinds, { count }), events(heard))).toBe(value)
  })

  it('looks back as far as it is told', () => {
    const [first] = events('a')
    const at = (agoMs: number): RuleEvent[] => [{ ...(first as RuleEvent), atMs: nowMs - agoMs }]
    expect(seen(pattern('a'), at(999))).toBe(true)
    expect(seen(pattern('a'), at(1000))).toBe(false)
    expect(seen(pattern('a'), at(-1))).toBe(false)
  })

  it('compares fields exactly', () => {
    const where = (value: string | number): EventPattern =>
      pattern('', { sequence: [{ kind: 'a', where: { host: value } }] })
    expect(seen(where('a'), events('a'))).toBe(true)
    expect(seen(where('b'), events('a'))).toBe(false)
    expect(seen(pattern('', { sequence: [{ kind: 'a', where: { constructor: 'x' } }] }), events('a'))).toBe(false)
  })

  it('is unknown while events of its time may have been missed', () => {
    expect(seen(pattern('a'), [], nowMs - 1000)).toBe(false)
    expect(seen(pattern('a'), [], nowMs - 999)).toBeNull()
    expect(seen(pattern('a'), events('a'), nowMs - 999)).toBe(true)
  })

  it('says itself in words', () => {
    const where = { component: 'web' }
    expect(
      patternText({
        sequence: [
          { kind: 'failed', where },
          { kind: 'ok', where: {} },
        ],
        withinMs: 300_000,
        count: 2,
      }),
    ).toBe('events failed{component=web} then ok 2 times within 300 s')
  })

  it('finds as many sequences as can be had without overlap', () => {
    const letters = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 })
    fc.assert(
      fc.property(letters, fc.constantFrom('a', 'ab', 'aba', 'abc'), (heard, kinds) => {
        const { count } = seesPattern(
          pattern(kinds, { count: 99 }),
          { recent: events(heard.join('')), heardSinceMs: 0 },
          nowMs,
        )
        expect(count).toBe(mostSequences(heard.join(''), kinds))
      }),
    )
  })
})

/** By trying every way to leave events out: how often `kinds`, repeated, is a subsequence. */
function mostSequences(heard: string, kinds: string): number {
  let most = 0
  while (isSubsequence(kinds.repeat(most + 1), heard)) most++
  return most
}

function isSubsequence(short: string, long: string): boolean {
  const pattern = new RegExp(Array.from(short).join('.*'))
  return pattern.test(long)
}
