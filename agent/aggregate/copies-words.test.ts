import { expect, test } from 'vitest'
import { parseAxe } from '#protocol/monitors/parse.ts'
import { planContext } from '#protocol/monitors/plan.ts'
import { Stage, startMs } from './aggregate-stage.ts'
import { CopiesWords } from './copies-words.ts'

const monitors = {
  queue: { of: 'queue', function: 'sum', window: '15s', every: '15s', scope: 'cloud' },
  own: { of: 'queue', function: 'max', window: '15s', every: '15s' },
  peaks: { from: 'own', reduce: 'max', scope: 'cloud' },
}
const { monitors: parsed } = parseAxe({ monitors }, { application: 'shop', components: [] })
const plans = [planContext({ application: 'shop', monitors: parsed })]
const never = new AbortController().signal

test('what is held of a host says what the host said, read once for many questions', async () => {
  await using stage = new Stage()
  const gone = await stage.host('gone')
  for (let s = 0; s < 30; s++) gone.append('queue', startMs + s * 1_000, s)
  gone.append('monitor.shop.own', startMs + 15_000, 14)
  let reads = 0
  const copiesOf = async (): Promise<typeof gone.store> => {
    reads++
    return gone.store
  }
  const words = new CopiesWords({ cloud: 'c1', copiesOf, clock: stage.clock })
  const at = (monitor: string, seconds: number): { application: string; monitor: string; windowEndMs: number } => {
    return { application: 'shop', monitor, windowEndMs: startMs + seconds * 1_000 }
  }
  const windows = [at('queue', 15), at('queue', 30), at('peaks', 15), at('queue', 45)]
  const said = (await words.partials('gone', plans, windows, never)) ?? []
  expect(said.map(({ monitor, groups }) => [monitor, groups[0]?.partial.finish(1).value])).toEqual([
    ['queue', 105],
    ['queue', 330],
    ['peaks', 14],
    ['queue', null],
  ])
  await words.partials('gone', plans, [at('queue', 30)], never)
  expect(reads).toBe(1)
  await stage.clock.advance(61_000)
  await words.partials('gone', plans, [at('queue', 30)], never)
  expect(reads).toBe(2)
})

test('what fell silent before the windows that are asked for is an input that is not known, for a day', async () => {
  await using stage = new Stage()
  const gone = await stage.host('gone')
  gone.append('queue', startMs + 1_000, 7)
  const words = new CopiesWords({ cloud: 'c1', copiesOf: async () => gone.store, clock: stage.clock })
  const inputsAt = async (seconds: number): Promise<number[]> => {
    const window = { application: 'shop', monitor: 'queue', windowEndMs: startMs + seconds * 1_000 }
    const said = (await words.partials('gone', plans, [window], never)) ?? []
    return said.flatMap(({ groups }) => groups.map(({ expected }) => expected))
  }
  expect(await inputsAt(600)).toEqual([1])
  await stage.clock.advance(61_000)
  expect(await inputsAt(2 * 86_400)).toEqual([])
})

test('nothing is said of a host of which nothing is held', async () => {
  const words = new CopiesWords({ cloud: 'c1', copiesOf: async () => undefined, clock: { monotonic: () => 0 } })
  const windows = [{ application: 'shop', monitor: 'queue', windowEndMs: startMs }]
  expect(await words.partials('gone', plans, windows, never)).toBeUndefined()
})
