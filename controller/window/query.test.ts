import { describe, expect, it } from 'vitest'
import { compileSelector } from '#protocol/metrics/selector.ts'
import { queryWindow, type WindowQuery } from './query.ts'
import { SampleWindow } from './window.ts'

const web = { tenant: 'main', cloud: 'home', host: 'web' }
const db = { tenant: 'main', cloud: 'local-1', host: 'db' }
const limits = { seriesMax: 100, samplesMax: 1000 }
const t0 = 1_700_000_000_000

function filled(): SampleWindow {
  const window = new SampleWindow({ windowMs: 900_000, samplesMax: 10_000, seriesMax: 100 })
  const put = (address: typeof web, name: string, samples: readonly [number, number][]): void => {
    const series = window.series(address, name, name.startsWith('cpu') ? 'percent' : undefined)
    for (const [t, v] of samples) window.append(series, t0 + t, v, t0)
  }
  put(web, 'cpu.usage', [
    [0, 1],
    [10_000, 2],
    [20_000, 3],
    [70_000, 5],
  ])
  put(db, 'cpu.usage', [[0, 9]])
  put(web, 'cpu.usage;core=0', [[0, 7]])
  put({ ...web, tenant: 'other' }, 'cpu.usage', [[0, 100]])
  return window
}

function ask(query: Partial<WindowQuery> & { match?: string }): unknown[] {
  const { match = 'cpu.usage', ...rest } = query
  const full = { tenant: 'main', last: false, matches: compileSelector(match), ...rest }
  return queryWindow(filled(), full, limits).map(({ host, tags, samples, value, step_ms }) => ({
    of: `${host}${JSON.stringify(tags)}`,
    ...(samples ? { samples: samples.map(([t, v]) => [t - t0, v]) } : { value }),
    step_ms,
  }))
}

const all = [
  [0, 1],
  [10_000, 2],
  [20_000, 3],
  [70_000, 5],
]

describe('a query of the window', () => {
  it('answers each series with its unit, its true step and who served it, by name and host', () => {
    const answers = queryWindow(filled(), { tenant: 'main', last: true }, limits)
    expect(answers).toEqual([
      {
        name: 'cpu.usage',
        tags: {},
        host: 'web',
        cloud: 'home',
        tenant: 'main',
        unit: 'percent',
        served_by: '_controller',
        step_ms: 10_000,
        samples: [[t0 + 70_000, 5]],
      },
      expect.objectContaining({ host: 'db', cloud: 'local-1', step_ms: null, samples: [[t0, 9]] }),
      expect.objectContaining({ name: 'cpu.usage', host: 'web', tags: { core: '0' } }),
    ])
  })

  it.each<[string, Partial<WindowQuery> & { match?: string }, unknown]>([
    ['by host', { host: 'db' }, [{ of: 'db{}', samples: [[0, 9]], step_ms: null }]],
    [
      'by host id and tag',
      { host: 'main.home.web', match: 'cpu.usage;core=0' },
      [{ of: 'web{"core":"0"}', samples: [[0, 7]], step_ms: null }],
    ],
    ['by cloud', { cloud: 'local-1' }, [{ of: 'db{}', samples: [[0, 9]], step_ms: null }]],
    ['nothing of another cloud', { cloud: 'local-2' }, []],
    [
      'a stretch, both ends in it',
      { match: 'cpu.usage;core=', host: 'web', fromMs: t0 + 10_000, untilMs: t0 + 20_000 },
      [{ of: 'web{}', samples: all.slice(1, 3), step_ms: 10_000 }],
    ],
    [
      'the last of a stretch',
      { match: 'cpu.usage;core=', host: 'web', untilMs: t0 + 30_000, last: true },
      [{ of: 'web{}', samples: [[20_000, 3]], step_ms: 10_000 }],
    ],
    [
      'a function',
      { match: 'cpu.usage;core=', host: 'web', function: 'mean', untilMs: t0 + 20_000 },
      [{ of: 'web{}', value: 2, step_ms: 10_000 }],
    ],
    [
      'a function of nothing',
      { match: 'cpu.usage;core=', host: 'web', function: 'mean', fromMs: t0 + 80_000 },
      [{ of: 'web{}', value: null, step_ms: 10_000 }],
    ],
    [
      'count of nothing',
      { match: 'cpu.usage;core=', host: 'web', function: 'count', fromMs: t0 + 80_000 },
      [{ of: 'web{}', value: 0, step_ms: 10_000 }],
    ],
    [
      'a step, windows aligned, missing ones missing',
      { match: 'cpu.usage;core=', host: 'web', function: 'sum', stepMs: 20_000 },
      [
        {
          of: 'web{}',
          samples: [
            [0, 3],
            [20_000, 3],
            [60_000, 5],
          ],
          step_ms: 20_000,
        },
      ],
    ],
  ])('%s', (_name, query, expected) => {
    expect(ask(query)).toEqual(expected)
  })

  it.each([
    ['series', { seriesMax: 1, samplesMax: 1000 }],
    ['samples', { seriesMax: 100, samplesMax: 3 }],
  ])('names the limit on %s', (what, limits) => {
    expect(() => queryWindow(filled(), { tenant: 'main', last: false }, limits)).toThrow(
      expect.objectContaining({ code: 'ANSWER_TOO_LARGE', data: expect.objectContaining({ what }) }),
    )
  })

  it('refuses an unknown function also when no series fits', () => {
    expect(() => queryWindow(filled(), { tenant: 'none', last: false, function: 'avg' }, limits)).toThrow(
      expect.objectContaining({ code: 'FUNCTION_UNKNOWN' }),
    )
  })
})
