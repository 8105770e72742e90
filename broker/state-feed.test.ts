import { describe, expect, it } from 'vitest'
import { StateFeed } from './state-feed.ts'

const opened = { state: 'connecting', reason: 'opened' } as const

describe('a state feed', () => {
  it('starts with the present state and ends after closed', async () => {
    const feed = new StateFeed(opened)
    const seen: string[] = []
    const reader = (async () => {
      for await (const change of feed.states()) seen.push(change.state)
    })()
    for (const state of ['up', 'down', 'closed'] as const) {
      await Promise.resolve()
      await new Promise((resolve) => setImmediate(resolve))
      feed.set(state, 'test')
    }
    await reader
    expect(seen).toEqual(['connecting', 'up', 'down', 'closed'])
  })

  it('ends for a reader whose signal aborts, while it waits and while it does not, and for nobody else', async () => {
    const feed = new StateFeed(opened)
    const stop = new AbortController()
    const other = feed.states()
    await other.next()
    const states = feed.states(stop.signal)
    await states.next()
    const next = states.next()
    stop.abort()
    expect((await next).done).toBe(true)
    expect((await feed.states(stop.signal).next()).done).toBe(true)
    feed.set('up', '1')
    expect((await other.next()).value).toMatchObject({ state: 'up' })
  })

  it('shows a slow reader the newest only', async () => {
    const feed = new StateFeed(opened)
    const states = feed.states()
    await states.next()
    feed.set('up', '1')
    feed.set('down', '2')
    feed.set('up', '3')
    expect((await states.next()).value).toEqual({ state: 'up', reason: '3' })
  })

  it('ignores changes after closed', () => {
    const feed = new StateFeed(opened)
    feed.set('closed', 'done')
    feed.set('up', 'late')
    expect(feed.state).toBe('closed')
  })

  it('lets a wait for up end by up, by the signal, and by closed', async () => {
    const feed = new StateFeed(opened)
    const stop = new AbortController()
    const stopped = feed.up(stop.signal)
    const arrived = feed.up(new AbortController().signal)
    stop.abort(new Error('enough'))
    await expect(stopped).rejects.toThrow('enough')
    feed.set('down', 'first try')
    feed.set('up', 'second')
    await arrived
    feed.set('closed', 'done')
    await expect(feed.up(new AbortController().signal)).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
