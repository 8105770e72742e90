import { expect, test } from 'vitest'
import { afterEnd, healthyAfterMs } from './restart.ts'

const backoff = { baseMs: 100, capMs: 1_000, random: () => 0.5 }

test('each quick end in a row waits longer, up to the cap', () => {
  const waits = [0, 1, 2, 3, 9].map((failures) => afterEnd('always', failures, 10, backoff))
  expect(waits).toEqual([
    { kind: 'restart', waitMs: 50, failures: 1 },
    { kind: 'restart', waitMs: 100, failures: 2 },
    { kind: 'restart', waitMs: 200, failures: 3 },
    { kind: 'restart', waitMs: 400, failures: 4 },
    { kind: 'restart', waitMs: 500, failures: 10 },
  ])
})

test('a child that was healthy starts over with short waits', () => {
  expect(afterEnd('always', 7, healthyAfterMs, backoff)).toEqual({ kind: 'restart', waitMs: 50, failures: 1 })
})

test('with restart never the dead stay dead', () => {
  expect(afterEnd('never', 0, 0, backoff)).toEqual({ kind: 'stay_dead' })
})
