import { expect, test } from 'vitest'
import { judge, type Seen } from './filter.ts'
import type { SubscriptionFilter } from './subscription.ts'

const nowMs = 1000

/** Values `[timestampMs, value]` that pass, of those that come in this order. */
function passed(filter: SubscriptionFilter, ...values: (readonly [number, number | null])[]): number[] {
  let seen: Seen | undefined
  return values.flatMap(([timestampMs, value], i) => {
    const judged = judge(filter, seen, { timestampMs, value }, nowMs)
    seen = judged.seen
    return judged.passes ? [i] : []
  })
}

const any = { onChange: false }
const onChange = { onChange: true }
const above = (limit: number): SubscriptionFilter => ({ compare: { with: 'above', limit }, onChange: false })

test.each<[string, SubscriptionFilter, (readonly [number, number | null])[], number[]]>([
  [
    'everything, late and unknown values too',
    any,
    [
      [2, 1],
      [1, 1],
      [3, null],
    ],
    [0, 1, 2],
  ],
  [
    'no value of a time said twice',
    any,
    [
      [1, 5],
      [1, 5],
      [1, 6],
    ],
    [0, 2],
  ],
  [
    'above, not at',
    above(5),
    [
      [1, 5],
      [2, 6],
      [3, 4],
    ],
    [1],
  ],
  [
    'atOrAbove',
    { compare: { with: 'atOrAbove', limit: 5 }, onChange: false },
    [
      [1, 5],
      [2, 6],
      [3, 4],
    ],
    [0, 1],
  ],
  [
    'below',
    { compare: { with: 'below', limit: 5 }, onChange: false },
    [
      [1, 5],
      [2, 6],
      [3, 4],
    ],
    [2],
  ],
  [
    'atOrBelow',
    { compare: { with: 'atOrBelow', limit: 5 }, onChange: false },
    [
      [1, 5],
      [2, 6],
      [3, 4],
    ],
    [0, 2],
  ],
  [
    'equal',
    { compare: { with: 'equal', limit: 5 }, onChange: false },
    [
      [1, 5],
      [2, 6],
      [3, 5],
    ],
    [0, 2],
  ],
  ['no unknown value by comparison', above(5), [[1, null]], []],
  [
    'the first and each other value',
    onChange,
    [
      [1, 0],
      [2, 0],
      [3, 1],
      [4, 1],
      [5, 0],
    ],
    [0, 2, 4],
  ],
  [
    'unknown as a change, and the way back',
    onChange,
    [
      [1, 1],
      [2, null],
      [3, null],
      [4, 1],
    ],
    [0, 1, 3],
  ],
  [
    'nothing older than the newest as a change',
    onChange,
    [
      [5, 1],
      [3, 0],
      [6, 1],
    ],
    [0],
  ],
  [
    'a value corrected for its own time',
    onChange,
    [
      [5, 1],
      [5, 0],
    ],
    [0, 1],
  ],
  [
    'changes above a limit',
    { ...above(5), onChange: true },
    [
      [1, 6],
      [2, 6],
      [3, 1],
      [4, 6],
    ],
    [0, 3],
  ],
  [
    'changes after a clock two days ahead was set right',
    onChange,
    [
      [nowMs + 2e8, 1],
      [nowMs, 0],
    ],
    [0, 1],
  ],
])('lets pass %s', (_what, filter, values, expected) => {
  expect(passed(filter, ...values)).toEqual(expected)
})
