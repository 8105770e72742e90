import { describe, expect, it } from 'vitest'
import { unlessAborted } from './unless-aborted.ts'

const stop = new Error('stop')

describe('unlessAborted', () => {
  it('gives what the promise gives', async () => {
    const { signal } = new AbortController()
    expect(await unlessAborted(Promise.resolve(1), signal)).toBe(1)
    await expect(unlessAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no')
  })

  it('rejects with the reason when the signal aborts first', async () => {
    const control = new AbortController()
    const never = new Promise<void>(() => {})
    const waiting = unlessAborted(never, control.signal)
    control.abort(stop)
    await expect(waiting).rejects.toBe(stop)
    await expect(unlessAborted(never, control.signal)).rejects.toBe(stop)
  })

  it('lets no late rejection loose, whenever the signal aborted', async () => {
    const loose: unknown[] = []
    const note = (error: unknown): void => void loose.push(error)
    process.on('unhandledRejection', note)
    const late = Promise.resolve().then(() => {
      throw new Error('late')
    })
    await expect(unlessAborted(late, AbortSignal.abort(stop))).rejects.toBe(stop)
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', note)
    expect(loose).toEqual([])
  })
})
