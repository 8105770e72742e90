import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#protocol/runtime/clock.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { limitRate } from './limit-rate.ts'
import { LineSplitter } from './line-splitter.ts'
import { readLogFiles } from './log-files.ts'

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = []
  for await (const line of lines) found.push(line)
  return found
}

describe('lines', () => {
  it('are whole whatever the chunks', () => {
    const splitter = new LineSplitter()
    const bytes = Buffer.from('ü1\r\ntwo\nthree')
    const lines = [...bytes].flatMap((byte) => splitter.push(Uint8Array.of(byte)))
    expect([...lines, ...splitter.end()]).toEqual(['ü1', 'two', 'three'])
  })

  it('that are too long come in pieces', () => {
    const splitter = new LineSplitter()
    const pieces = [...splitter.push(Buffer.from('x'.repeat(10_000))), ...splitter.push(Buffer.from('y\n'))]
    expect(pieces.map(({ length }) => length)).toEqual([4096, 4096, 1809])
  })
})

describe('a log of files', () => {
  let folder = ''
  const path = (): string => join(folder, 'out.log')
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'log-'))
  })
  afterEach(() => rm(folder, { recursive: true }))
  const read = (lines: number, isFollowed = false, signal = AbortSignal.timeout(10_000)): AsyncGenerator<string> =>
    readLogFiles({ path: path(), filesMax: 2, lines, isFollowed }, systemClock, signal)

  it('gives the newest lines, over as many files as they take', async () => {
    await writeFile(`${path()}.1`, '1\n2\n')
    await writeFile(path(), '3\n4')
    expect(await all(read(3))).toEqual(['2', '3', '4'])
    expect(await all(read(9))).toEqual(['1', '2', '3', '4'])
    expect(await all(read(0))).toEqual([])
  })

  it('that is not there is empty', async () => expect(await all(read(3))).toEqual([]))

  it('is followed over rotations, and says when some were missed', async () => {
    await writeFile(path(), 'a\n')
    const stop = new AbortController()
    const lines = read(1, true, stop.signal)
    const next = async (): Promise<string> => (await lines.next()).value ?? 'ended'
    expect(await next()).toBe('a')
    await appendFile(path(), 'b\n')
    expect(await next()).toBe('b')
    await appendFile(path(), 'c\n')
    for (const n of [1, 2]) await rename(n === 1 ? path() : `${path()}.1`, `${path()}.${n}`)
    await writeFile(`${path()}.1`, 'd\n')
    await writeFile(path(), 'e\n')
    expect([await next(), await next(), await next()]).toEqual(['c', 'd', 'e'])
    await rename(path(), `${path()}.9`)
    await writeFile(`${path()}.2`, 'f\n')
    await writeFile(`${path()}.1`, 'g\n')
    await writeFile(path(), 'h\n')
    expect(await next()).toMatch(/^… lines left out/)
    stop.abort()
  })

  it('that is followed ends without an error when its reader goes', async () => {
    await writeFile(path(), 'a\n')
    expect(await all(read(5, true, AbortSignal.timeout(300)))).toEqual(['a'])
  })
})

it('more lines a second than allowed are counted in their place', async () => {
  const clock = new FakeClock()
  async function* chatter(): AsyncGenerator<string> {
    yield* ['1', '2', '3', '4']
    await clock.advance(1000)
    yield* ['5', '6', '7']
  }
  expect(await all(limitRate(chatter(), { firstLines: 0, linesPerSecondMax: 2 }, clock))).toEqual([
    '1',
    '2',
    '… 2 lines left out: more than 2 a second',
    '5',
    '6',
    '… 1 lines left out: more than 2 a second',
  ])
})

it('lines that were asked for come whole, and what was left out is said though nothing comes after it', async () => {
  const clock = new FakeClock()
  async function* chatter(): AsyncGenerator<string> {
    yield* ['1', '2', '3', '4', '5']
    await new Promise(() => {})
  }
  const limited = limitRate(chatter(), { firstLines: 3, linesPerSecondMax: 1 }, clock)
  const next = async (): Promise<unknown> => (await limited.next()).value
  expect([await next(), await next(), await next(), await next()]).toEqual(['1', '2', '3', '4'])
  const said = next()
  await clock.advance(0)
  await clock.advance(1000)
  expect(await said).toBe('… 1 lines left out: more than 1 a second')
})
