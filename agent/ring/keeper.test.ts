import { describe, expect, test } from 'vitest'
import { Keeper, keeperDefaults } from './keeper.ts'
import type { KeeperAction } from './keeper-actions.ts'
import { startMax } from './lane.ts'
import type { Append, RingMessage } from './ring-message.ts'

const options = { ...keeperDefaults, host: 'me', bytesMax: 1000 }

function keeperOf(more: Partial<typeof options> = {}): Keeper {
  return new Keeper({ ...options, ...more }, 1, [])
}

function append(from: number, to: number, more: Partial<Append> = {}): Append {
  const rows = new Uint8Array(100)
  return {
    verb: 'append',
    storeId: 's',
    start: 50,
    owner: 'o',
    zone: 'z',
    ownerStart: 50,
    from,
    to,
    idsTo: 0,
    rows,
    ...more,
  }
}

function said(actions: readonly KeeperAction[]): RingMessage[] {
  return actions.flatMap((action) => (action.kind === 'send' ? [action.message] : []))
}

function reasonOf(actions: readonly KeeperAction[]): string | undefined {
  const [message] = said(actions)
  return message?.verb === 'refuse' ? message.reason : undefined
}

/** Takes an append and reports it synced. */
function keep(keeper: Keeper, message: Append): KeeperAction[] {
  const [action] = keeper.append(message.owner, message, 0)
  return action?.kind === 'keep' ? keeper.kept(action.id, true, 0) : []
}

describe('a replica', () => {
  test('acknowledges only when it is synced', () => {
    const keeper = keeperOf()
    const actions = keeper.append('o', append(1, 10), 0)
    expect(actions.map(({ kind }) => kind)).toEqual(['keep'])
    const [action] = actions
    expect(said(keeper.kept(action?.kind === 'keep' ? action.id : 0, true, 0))).toMatchObject([
      { verb: 'ack', ranges: [{ from: 1, to: 10 }] },
    ])
    expect(said(keeper.append('o', append(1, 10), 0))).toMatchObject([{ verb: 'ack' }])
  })

  test('does not count rows whose names could not be written, and asks for them again', () => {
    const keeper = keeperOf()
    keep(keeper, append(1, 10))
    const names = { verb: 'names', storeId: 's', start: 50, entries: new Uint8Array(9) } as const
    keeper.names('o', { ...names, firstId: 0, count: 3 })
    keeper.names('o', { ...names, firstId: 3, count: 2 })
    const [before] = keeper.append('o', append(11, 20, { idsTo: 3 }), 0)
    const [after] = keeper.append('o', append(21, 30, { idsTo: 4 }), 0)
    keeper.namesLost('o', { storeId: 's', start: 50 }, 3)
    expect(said(keeper.kept(before?.kind === 'keep' ? before.id : 0, true, 0))).toMatchObject([
      { verb: 'ack', names: 3 },
    ])
    expect(said(keeper.kept(after?.kind === 'keep' ? after.id : 0, true, 0))).toMatchObject([
      { verb: 'refuse', reason: 'names', from: 21, to: 30, names: 3 },
    ])
    expect(keeper.holdingsOf('o')?.size).toBe(20)
    keeper.names('o', { ...names, firstId: 3, count: 2 })
    expect(said(keep(keeper, append(21, 30, { idsTo: 4 })))).toMatchObject([{ verb: 'ack', names: 5 }])
  })

  test('refuses by reason, and nothing changes', () => {
    const keeper = keeperOf({ lanesMax: 1 })
    keep(keeper, append(1, 10, { ownerStart: 60 }))
    const refusals: readonly (readonly [string, string, Append])[] = [
      ['owner', 'p', append(11, 20)],
      ['old_start', 'o', append(11, 20, { ownerStart: 59 })],
      ['future', 'o', append(11, 20, { ownerStart: 60, start: 61 })],
      ['future', 'o', append(11, 20, { ownerStart: startMax + 1 })],
      ['lanes', 'o', append(11, 20, { ownerStart: 60, start: 51 })],
      ['names', 'o', append(11, 20, { ownerStart: 60, idsTo: 1 })],
      ['no_room', 'o', append(11, 20, { ownerStart: 60, rows: new Uint8Array(901) })],
    ]
    for (const [reason, from, message] of refusals) expect(reasonOf(keeper.append(from, message, 0))).toBe(reason)
    expect(keeper.holdingsOf('o')?.size).toBe(10)
    expect(keeper.bytes).toBe(100)
    const cautious = keeperOf({ writingBytesMax: 150 })
    cautious.append('o', append(1, 10), 0)
    expect(reasonOf(cautious.append('o', append(11, 20), 0))).toBe('busy')
  })

  test('says that the disk failed, and takes the rows when they come again', () => {
    const keeper = keeperOf()
    const [action] = keeper.append('o', append(1, 10), 0)
    expect(reasonOf(keeper.kept(action?.kind === 'keep' ? action.id : 0, false, 0))).toBe('disk')
    expect(keeper.append('o', append(1, 10), 0).map(({ kind }) => kind)).toEqual(['keep'])
  })

  test('answers a greeting when the start it names is on disk, and then refuses every older one', () => {
    const keeper = keeperOf()
    const hello = { verb: 'hello', id: 3, storeId: 's', start: 70, zone: 'z' } as const
    const [action] = keeper.hello('o', hello, 0)
    expect(keeper.hello('o', hello, 0).map(({ kind }) => kind)).toEqual(['keep'])
    expect(said(keeper.kept(action?.kind === 'keep' ? action.id : 0, true, 0))).toMatchObject([
      { verb: 'welcome', id: 3, knownStart: 70 },
    ])
    expect(reasonOf(keeper.append('o', append(1, 10), 0))).toBe('old_start')
    keeper.drop('o')
    expect(reasonOf(keeper.append('o', append(1, 10), 0))).toBe('old_start')
  })

  test('takes names in order, so that there are never names missing', () => {
    const keeper = keeperOf()
    keep(keeper, append(1, 1))
    const names = (firstId: number, count: number): string[] =>
      keeper
        .names('o', { verb: 'names', storeId: 's', start: 50, firstId, count, entries: new Uint8Array(0) })
        .map(({ kind }) => kind)
    expect(names(5, 5)).toEqual([])
    expect(names(0, 5)).toEqual(['keepNames'])
    expect(names(0, 3)).toEqual([])
    expect(names(3, 7)).toEqual(['keepNames'])
    expect(keeper.namesOf('o', { storeId: 's', start: 50 })).toBe(10)
  })

  test('is told the names of each start anew: a clone gives the same ids to other series', () => {
    const keeper = keeperOf()
    const greet = (start: number): readonly RingMessage[] => {
      const [action] = keeper.hello('o', { verb: 'hello', id: 1, storeId: 's', start, zone: 'z' }, 0)
      return said(action?.kind === 'keep' ? keeper.kept(action.id, true, 0) : [])
    }
    const names = { verb: 'names', storeId: 's', firstId: 0, entries: new Uint8Array(9) } as const
    greet(50)
    keeper.names('o', { ...names, start: 50, count: 5 })
    expect(said(keep(keeper, append(1, 10, { idsTo: 5 })))).toMatchObject([{ verb: 'ack', names: 5 }])
    expect(greet(60)).toMatchObject([{ verb: 'welcome', names: 0 }])
    const clone = append(11, 20, { start: 60, ownerStart: 60, idsTo: 4 })
    expect(said(keeper.append('o', clone, 0))).toMatchObject([{ verb: 'refuse', reason: 'names', names: 0 }])
    expect(keeper.names('o', { ...names, start: 60, count: 4 })).toMatchObject([{ kind: 'keepNames', start: 60 }])
    expect(said(keep(keeper, clone))).toMatchObject([{ verb: 'ack', start: 60, names: 4 }])
    expect(keeper.namesOf('o', { storeId: 's', start: 50 })).toBe(5)
  })

  test('takes the names of an older lane from the start that ships it, as far as its rows go and none are known', () => {
    const keeper = keeperOf()
    keep(keeper, append(1, 10))
    const names = { verb: 'names', storeId: 's', start: 60, entries: new Uint8Array(9) } as const
    keeper.names('o', { ...names, firstId: 0, count: 9 })
    const older = append(11, 20, { ownerStart: 60, idsTo: 4 })
    const [copy, kept] = keeper.append('o', older, 0)
    const lane = { owner: 'o', storeId: 's', start: 50 }
    expect(copy).toEqual({ kind: 'copyNames', ...lane, ofStart: 60, firstId: 0, count: 4 })
    expect(said(keeper.kept(kept?.kind === 'keep' ? kept.id : 0, true, 0))).toMatchObject([{ verb: 'ack', names: 9 }])
    expect(keeper.append('o', { ...older, from: 21, to: 30 }, 0).map(({ kind }) => kind)).toEqual(['keep'])
    keeper.namesLost('o', lane, 2)
    expect(keeper.append('o', { ...older, from: 31, to: 40 }, 0)).toContainEqual({ ...copy, firstId: 2, count: 2 })
    expect(reasonOf(keeper.append('o', { ...older, from: 41, to: 50, idsTo: 10 }, 0))).toBe('names')
  })

  test('withdraws from the owner with most before it evicts, and evicts when that one knows', () => {
    const keeper = keeperOf()
    for (let i = 0; i < 3; i++) keep(keeper, append(i * 10 + 1, i * 10 + 10, { owner: 'p' }))
    for (let i = 0; i < 6; i++) keep(keeper, append(i * 10 + 1, i * 10 + 10))
    const actions = keep(keeper, append(61, 70))
    expect(actions).toContainEqual({ kind: 'findOldest', owner: 'o', bytes: 150 })
    const [withdraw] = said(keeper.oldest('o', { storeId: 's', start: 50, to: 20 }, 0))
    if (withdraw?.verb !== 'withdraw') throw new Error('expected a withdrawal')
    expect(withdraw.floor).toBe(20)
    expect(keeper.withdrawn('p', withdraw.id)).toEqual([])
    expect(keeper.withdrawn('o', withdraw.id)).toEqual([{ kind: 'evict', owner: 'o', storeId: 's', start: 50, to: 20 }])
    keeper.evicted('o', { storeId: 's', start: 50, to: 20 }, 200)
    expect(keeper.bytes).toBe(800)
    expect(said(keeper.append('o', append(1, 10), 0))).toMatchObject([{ verb: 'ack', ranges: [], floor: 20 }])
  })

  test('does not wait for ever for an owner that is gone', () => {
    const keeper = keeperOf()
    keep(keeper, append(1, 10))
    keeper.oldest('o', { storeId: 's', start: 50, to: 10 }, 0)
    expect(keeper.tick(1000, () => true)).toEqual([])
    expect(said(keeper.tick(options.withdrawRetryMs, () => true))).toMatchObject([{ verb: 'withdraw' }])
    expect(keeper.tick(6000, () => false)).toMatchObject([{ kind: 'evict' }])
  })

  test('withdraws what turned out unreadable, and takes it again', () => {
    const keeper = keeperOf()
    keep(keeper, append(1, 10))
    const damage = keeper.damaged('o', { storeId: 's', start: 50 }, [{ from: 1, to: 10 }], 100, 0)
    expect(said(damage)).toMatchObject([{ verb: 'withdraw', ranges: [{ from: 1, to: 10 }], floor: 0 }])
    expect(keeper.append('o', append(1, 10), 0).map(({ kind }) => kind)).toEqual(['keep'])
  })

  test('goes on with what was on disk', () => {
    const lanes = [{ storeId: 's', start: 50, ranges: [{ from: 1, to: 10 }], floor: 0 }]
    const names = [
      { storeId: 's', start: 50, count: 3 },
      { storeId: 's', start: 60, count: 4 },
    ]
    const keeper = new Keeper(options, 2, [{ owner: 'o', zone: 'z', start: 60, lanes, names, bytes: 100 }])
    expect(reasonOf(keeper.append('o', append(11, 20), 0))).toBe('old_start')
    expect(said(keeper.append('o', append(1, 10, { ownerStart: 60, idsTo: 3 }), 0))).toMatchObject([
      { verb: 'ack', names: 4 },
    ])
  })
})
