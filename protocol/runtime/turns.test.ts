import { expect, test } from 'vitest'
import { Turns } from './turns.ts'

const never = new AbortController().signal

/** Work that ends when told to, and says when it began. */
function gate(): { work: () => Promise<void>; isBegun: () => boolean; end: () => void } {
  let isBegun = false
  let end = (): void => {}
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const work = (): Promise<void> => {
    isBegun = true
    return ended
  }
  return { work, isBegun: () => isBegun, end }
}

test('a few run at once, the others in order of arrival', async () => {
  const turns = new Turns({ atOnceMax: 1, waitingMax: 2 })
  const gates = [gate(), gate(), gate()]
  const all = gates.map(({ work }) => turns.run(work, never))
  const begun = (): boolean[] => gates.map(({ isBegun }) => isBegun())
  expect(begun()).toEqual([true, false, false])
  gates[0]?.end()
  await all[0]
  await Promise.resolve()
  expect(begun()).toEqual([true, true, false])
  for (const { end } of gates) end()
  await Promise.all(all)
})

test('one too many is refused', async () => {
  const turns = new Turns({ atOnceMax: 1, waitingMax: 0 })
  const first = gate()
  const running = turns.run(first.work, never)
  await expect(turns.run(first.work, never)).rejects.toMatchObject({ code: 'BUSY' })
  first.end()
  await running
  await expect(turns.run(() => Promise.resolve(7), never)).resolves.toBe(7)
})

test('who waits too long leaves, and nobody loses a turn by it', async () => {
  const turns = new Turns({ atOnceMax: 1, waitingMax: 2 })
  const first = gate()
  const running = turns.run(first.work, never)
  const leaving = new AbortController()
  const left = turns.run(() => Promise.resolve('never'), leaving.signal)
  const next = turns.run(() => Promise.resolve('next'), never)
  leaving.abort(new Error('too late'))
  await expect(left).rejects.toThrow('too late')
  first.end()
  await running
  await expect(next).resolves.toBe('next')
})

test('work that fails gives its turn back', async () => {
  const turns = new Turns({ atOnceMax: 1, waitingMax: 0 })
  await expect(turns.run(() => Promise.reject(new Error('broken')), never)).rejects.toThrow('broken')
  await expect(turns.run(() => Promise.resolve(1), never)).resolves.toBe(1)
})
