import { describe, expect, test } from 'vitest'
import { compileSelector } from '#protocol/metrics/selector.ts'
import type { PageCursor, SeriesChunk } from '#protocol/query/page-format.ts'
import { PageCheck } from './page-check.ts'
import type { Question } from './question.ts'

const question: Question = {
  tenant: 'main',
  last: false,
  matches: compileSelector('cpu.*'),
  fromMs: 1000,
  untilMs: 9000,
}

function chunk(name: string, times: readonly number[], width = 1): SeriesChunk {
  return {
    name,
    unit: undefined,
    timestampsMs: Float64Array.from(times),
    columns: Array.from({ length: width }, () => new Float64Array(times.length)),
  }
}

/** Runs pages through one check; the code of the first refusal. */
function verdict(
  pages: readonly (readonly SeriesChunk[])[],
  more: Partial<Question> = {},
  cursors: PageCursor[] = [],
): string {
  const check = new PageCheck({ ...question, ...more })
  try {
    for (const [i, chunks] of pages.entries()) check.next({ chunks, next: cursors[i] })
    return 'taken'
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('an answer', () => {
  test.each<[string, SeriesChunk[][], Partial<Question>]>([
    [
      'of one series over chunks and pages',
      [[chunk('cpu.a', [1000, 2000]), chunk('cpu.a', [3000])], [chunk('cpu.a', [4000])]],
      {},
    ],
    ['of several series', [[chunk('cpu.a', [9000]), chunk('cpu.b', [1000])]], {}],
    ['of windows that begin before the range', [[chunk('cpu.a', [0])]], { function: 'mean', stepMs: 5000 }],
    ['of values, unknown ones too', [[chunk('cpu.a', [1000]), chunk('cpu.b', [], 0)]], { function: 'mean' }],
    ['of lines', [[chunk('cpu.a', [1000], 2)]], { function: 'leastSquares' }],
    ['of nothing', [[]], {}],
  ])('%s is taken', (_, pages, more) => expect(verdict(pages, more)).toBe('taken'))

  test.each<[string, SeriesChunk[][], Partial<Question>]>([
    ['of a series not asked for', [[chunk('disk.read', [1000])]], {}],
    ['of no series', [[chunk('..', [1000])]], {}],
    ['of times before the range', [[chunk('cpu.a', [999])]], {}],
    ['of times behind the range', [[chunk('cpu.a', [1000, 9001])]], {}],
    ['of windows outside the range', [[chunk('cpu.a', [-5000])]], { function: 'mean', stepMs: 5000 }],
    ['of times that go back', [[chunk('cpu.a', [2000])], [chunk('cpu.a', [2000])]], {}],
    ['of a series twice', [[chunk('cpu.a', [1000]), chunk('cpu.b', [1000]), chunk('cpu.a', [2000])]], {}],
    [
      'of a series twice under another spelling',
      [[chunk('cpu.a;x=1;y=2', [1000]), chunk('cpu.a;y=2;x=1', [1000])]],
      {},
    ],
    ['of lines where numbers were asked for', [[chunk('cpu.a', [1000], 2)]], {}],
    ['of unknown samples', [[chunk('cpu.a', [], 0)]], {}],
  ])('%s is refused', (_, pages, more) => expect(verdict(pages, more)).toBe('PAGE_INVALID'))

  test('that turns in a circle is refused', () => {
    const at = (seriesId: number, fromMs: number): PageCursor => ({ seriesId, fromMs })
    expect(verdict([[], [], []], {}, [at(1, 5), at(1, 6), at(2, 0)])).toBe('taken')
    expect(verdict([[], []], {}, [at(1, 5), at(1, 5)])).toBe('PAGE_INVALID')
    expect(verdict([[], []], {}, [at(2, 5), at(1, 9)])).toBe('PAGE_INVALID')
  })
})
