import { expect, test } from 'vitest'
import { ahead } from './ahead.ts'

const trace: string[] = []

async function* parts(name: string, count: number): AsyncGenerator<string> {
  trace.push(`start ${name}`)
  try {
    for (let i = 0; i < count; i++) yield `${name}${i}`
  } finally {
    trace.push(`end ${name}`)
  }
}

test('gives everything in order, and starts the next ones before it is asked for them', async () => {
  trace.length = 0
  const got: string[] = []
  for await (const part of ahead(
    ['a', 'b', 'c', 'd'].map((name, i) => () => parts(name, i)),
    2,
  )) {
    if (got.length === 0) expect(trace.filter((line) => line.startsWith('start')).length).toBeGreaterThanOrEqual(3)
    got.push(part)
  }
  expect(got).toEqual(['b0', 'c0', 'c1', 'd0', 'd1', 'd2'])
})

test('ends what it has started when its reader leaves, and passes failures on', async () => {
  trace.length = 0
  for await (const part of ahead(
    ['a', 'b', 'c'].map((name) => () => parts(name, 2)),
    1,
  )) {
    expect(part).toBe('a0')
    break
  }
  expect(trace.filter((line) => line.startsWith('end')).sort((a, b) => (a < b ? -1 : 1))).toEqual(['end a', 'end b'])
  const failing = async function* (): AsyncGenerator<string> {
    yield await Promise.reject(new Error('unreadable'))
  }
  const read = async (): Promise<void> => {
    for await (const part of ahead([() => parts('a', 1), failing], 1)) expect(part).toBe('a0')
  }
  await expect(read()).rejects.toThrow('unreadable')
})
