import { describe, expect, it } from 'vitest'
import type { Rule } from '#protocol/monitors/rule.ts'
import { judge } from './judge.ts'
import { everyMs, type ModelInputs, modelInputs, modelRule, noHistory, startMs } from './model-rule.ts'
import { nextStepsOf } from './next-steps.ts'

function next(more: Partial<Rule>, inputs: ModelInputs = {}): unknown[] {
  const rule = modelRule(more)
  const steps = nextStepsOf(judge(rule, modelInputs(inputs), noHistory, startMs), rule)
  return steps.map(({ at_ms: atMs, says }) => [atMs - startMs, says])
}

describe('what happens next', () => {
  const judged = [everyMs, 'judged again']
  it.each<[string, Partial<Rule>, ModelInputs, unknown[]]>([
    ['nothing but another look', {}, { leaves: { busy: 0 } }, [judged]],
    ['nothing at all while paused', { paused: true }, {}, []],
    [
      'the end of what holds it',
      { stabilisation: { upMs: 60_000, downMs: 0 } },
      {},
      [judged, [60_000, 'stabilisation is over']],
    ],
    [
      'the next of each direction behind a scaling',
      { cooldown: { upMs: 60_000, downMs: 300_000 } },
      {},
      [judged, [60_000, 'may go up again'], [300_000, 'may go down']],
    ],
    [
      'its hours',
      { schedule: { days: [1], fromMinute: 720, untilMinute: 780, zone: 'UTC' } },
      {},
      [judged, [7_200_000, 'its hours begin']],
    ],
  ])('is %s', (_, rule, inputs, steps) => expect(next(rule, inputs)).toEqual(steps))
})
