import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readApplicationFile } from '#controller/applications/application-file.ts'
import { ruleContext } from '#controller/applications/rule-book.ts'
import { spanOf } from '#protocol/aggregation/span.ts'
import type { HostSamples } from '#protocol/monitors/evaluate-all.ts'
import type { Decision } from './decision.ts'
import { News } from './news.ts'
import { type ReplayQuestion, replay } from './replay.ts'
import type { RuleContext } from './rule-book.ts'

const root = new URL('../..', import.meta.url)

function read(path: string): string {
  return readFileSync(new URL(path, root), 'utf8')
}

/** The lines of the fixture as two hosts of two clouds would have stored them. */
function samplesOf(lines: string): HostSamples[] {
  const pairs = new Map<string, [number, number][]>()
  for (const line of lines.trim().split('\n')) {
    const [, path = '', value, seconds] = line.split(' ')
    const series = pairs.get(path) ?? []
    pairs.set(path, series)
    series.push([Number(seconds) * 1000, Number(value)])
  }
  return [...pairs].map(([path, series], i) => {
    const [name = '', ...tags] = path.split(';')
    const named = { name, tags: Object.fromEntries(tags.map((tag) => tag.split('=') as [string, string])) }
    return { cloud: i === 0 ? 'home' : 'local-1', host: `h${i}`, series: [{ series: named, span: spanOf(series) }] }
  })
}

const context: RuleContext = ruleContext(readApplicationFile(read('examples/autoscale.yaml'), 'autoscale.yaml'))
const at = (clock: string): number => Date.parse(`2025-11-03T${clock}Z`)

async function replayed(more: Partial<ReplayQuestion> = {}): Promise<Decision[]> {
  const question: ReplayQuestion = {
    context,
    samples: samplesOf(read('test/fixtures/autoscale/lines.txt')),
    events: [],
    fromMs: at('10:01:00'),
    untilMs: at('10:40:00'),
    wanted: new Map([['web', 2]]),
    ...more,
  }
  const decisions: Decision[] = []
  for await (const decision of replay(question, AbortSignal.timeout(10_000))) decisions.push(decision)
  return decisions
}

/** As the table says them. */
function told(decisions: readonly Decision[]): string[] {
  const news = new News()
  return decisions
    .filter((decision) => news.isNew(decision))
    .map(({ rule, verdict, windowEndMs, actions }) => {
      const clock = new Date(windowEndMs).toISOString().slice(11, 19)
      return `${clock} ${rule} ${verdict} ${actions[0]?.to}`
    })
}

describe('a replay', () => {
  it('decides what the table says that was worked out by hand', async () => {
    expect(told(await replayed())).toEqual(read('test/fixtures/autoscale/decisions.txt').trim().split('\n'))
  })

  it('judges every window of every rule', async () => {
    expect(await replayed()).toHaveLength(2 * (39 * 4 + 1))
  })

  it('never lowers because half of the hosts are gone', async () => {
    const samples = samplesOf(read('test/fixtures/autoscale/lines.txt'))
    const until = at('10:20:00')
    const cut = samples.map((host, i) => ({
      ...host,
      series: host.series.map(({ series, span }) => ({
        series,
        span: spanOf(pairsOf(span).filter(([timeMs]) => i === 0 || timeMs < until)),
      })),
    }))
    const verdicts = (await replayed({ samples: cut })).filter(({ windowEndMs }) => windowEndMs > at('10:25:00'))
    expect(new Set(verdicts.filter(({ rule }) => rule === 'shrink-web').map(({ verdict }) => verdict))).toEqual(
      new Set(['unknown']),
    )
  })

  it.each([
    [
      'a 100× spike of one instance',
      9000,
      ['10:07:15 grow-web up 3', '10:09:15 grow-web up 4', '10:11:15 grow-web up 5'],
    ],
    ['one instance that lies low', -9000, ['10:10:15 grow-web up 3']],
  ])('%s at 10:05 cannot speak for the others', async (_, value, ups) => {
    const samples = samplesOf(read('test/fixtures/autoscale/lines.txt'))
    const lying = samples.map((host, i) => ({
      ...host,
      series: host.series.map(({ series, span }) => ({
        series,
        span: spanOf(pairsOf(span).map(([timeMs, v]) => [timeMs, i === 0 && timeMs === at('10:05:00') ? value : v])),
      })),
    }))
    const decisions = told(await replayed({ samples: lying, untilMs: at('10:12:00') }))
    expect(decisions.filter((line) => line.includes(' up ') || line.includes(' down '))).toEqual(ups)
  })

  it('ends when nobody waits for it', async () => {
    const gone = AbortSignal.abort(new Error('gone'))
    const question = { context, samples: [], events: [], fromMs: 0, untilMs: 86_400_000, wanted: new Map() }
    await expect(async () => {
      for await (const decision of replay(question, gone)) expect(decision.verdict).toBe('component')
    }).rejects.toThrow('gone')
  })

  it('refuses more windows than it would end with', async () => {
    await expect(replayed({ fromMs: 0 })).rejects.toThrow(/replay a shorter stretch: found about \d+ windows/)
  })
})

function pairsOf({ timestampsMs, values, start, end }: HostSamples['series'][number]['span']): [number, number][] {
  return Array.from({ length: end - start }, (_, i) => [timestampsMs[start + i] as number, values[start + i] as number])
}
