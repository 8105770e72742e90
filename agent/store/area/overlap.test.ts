import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { overlapGroups } from './overlap.ts'

test('groups never overlap each other, each hangs together, and nothing is lost', () => {
  const span = fc.tuple(fc.nat(100), fc.nat(10)).map(([t0Ms, length]) => ({ t0Ms, t1Ms: t0Ms + length }))
  fc.assert(
    fc.property(fc.array(span, { maxLength: 30 }), (spans) => {
      const groups = overlapGroups(spans)
      expect(groups.flat().length).toBe(spans.length)
      let endMs = Number.NEGATIVE_INFINITY
      for (const group of groups) {
        expect(Math.min(...group.map(({ t0Ms }) => t0Ms))).toBeGreaterThan(endMs)
        endMs = group[0]?.t1Ms ?? 0
        for (const { t0Ms, t1Ms } of group) {
          expect(t0Ms).toBeLessThanOrEqual(endMs)
          endMs = Math.max(endMs, t1Ms)
        }
      }
    }),
  )
})
