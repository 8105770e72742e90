import { describe, expect, test } from 'vitest'
import { Openings } from './lane.ts'
import type { RingMessage } from './ring-message.ts'
import { Shipper, shipperDefaults } from './shipper.ts'
import type { ShipperAction } from './shipper-actions.ts'

const options = { ...shipperDefaults, host: 'me', zone: 'z', waitMs: 0, batchSamplesMax: 10 }
const lane = { storeId: 's', start: 500 }

function sent(actions: readonly ShipperAction[]): RingMessage[] {
  return actions.flatMap((action) => (action.kind === 'send' ? [action.message] : []))
}

/** A shipper with 100 samples on disk, and holders that have answered its greeting. */
function greeted(holders: readonly string[], more: Partial<typeof options> = {}): Shipper {
  const shipper = new Shipper({ ...options, ...more }, new Openings('s', [{ start: 500, first: 1 }]), 0)
  shipper.synced(100, 0)
  shipper.setHolders({ assigned: holders, standIns: [] }, 0)
  for (const [i, message] of sent(shipper.plan(0)).entries()) {
    if (message.verb === 'hello') welcome(shipper, holders[i] as string, message.id)
  }
  return shipper
}

function welcome(shipper: Shipper, from: string, id: number, knownStart = 500): ShipperAction[] {
  return shipper.welcome(
    from,
    { verb: 'welcome', id, start: 500, knownStart, knownAgoMs: -1, lanes: [], names: 0, version: 1 },
    0,
  )
}

/** Answers what is to be read, and returns what goes out. */
function answer(shipper: Shipper, actions: readonly ShipperAction[], nowMs = 0): ShipperAction[] {
  return actions.flatMap((action) => {
    if (action.kind !== 'readOwn') return []
    const run = { from: action.from, to: action.to, idsTo: 3, rows: new Uint8Array(50) }
    return shipper.ownRead({ id: action.id, run }, nowMs)
  })
}

function ship(shipper: Shipper, nowMs = 0): ShipperAction[] {
  return answer(shipper, shipper.plan(nowMs), nowMs)
}

function ack(shipper: Shipper, from: string, range: { from: number; to: number }, version = 1): void {
  shipper.ack(from, { verb: 'ack', ...lane, ranges: [range], floor: 0, names: 3, version })
}

describe('an owner', () => {
  test('ships nothing to a holder that has not said what it has', () => {
    const shipper = new Shipper(options, new Openings('s', [{ start: 500, first: 1 }]), 0)
    shipper.synced(100, 0)
    shipper.setHolders({ assigned: ['a'], standIns: [] }, 0)
    expect(shipper.plan(0).map((action) => action.kind === 'send' && action.message.verb)).toEqual(['hello'])
    expect(shipper.plan(1)).toEqual([])
  })

  test('asks for a lane again that could not be written', () => {
    const shipper = greeted(['a', 'b'])
    for (const nowMs of [0, 10_000]) {
      const [hello] = sent(shipper.plan(nowMs + 700_000)).filter(({ verb }) => verb === 'hello')
      const actions = welcome(shipper, 'a', hello?.verb === 'hello' ? hello.id : 0, 900)
      expect(actions).toEqual([{ kind: 'open', startAbove: 900, isInPlace: true }])
      shipper.opened(undefined)
    }
    expect(shipper.start).toBe(500)
  })

  test('ships the newest first, names before what needs them, one read for all who lack it', () => {
    const actions = ship(greeted(['a', 'b']))
    expect(actions.slice(0, 4).map((action) => [action.kind, 'to' in action ? action.to : ''])).toEqual([
      ['sendNames', 'b'],
      ['send', 'b'],
      ['sendNames', 'a'],
      ['send', 'a'],
    ])
    expect(sent(actions)[0]).toMatchObject({ verb: 'append', from: 91, to: 100, ownerStart: 500, start: 500 })
  })

  test('has no more on the way than the bounds, and goes on when it is acknowledged', () => {
    const shipper = greeted(['a'], { batchesInFlightMax: 2 })
    expect(sent(ship(shipper))).toHaveLength(2)
    expect(ship(shipper)).toEqual([])
    ack(shipper, 'a', { from: 91, to: 100 })
    expect(sent(ship(shipper))).toHaveLength(1)
  })

  test('sends again what was not acknowledged in time', () => {
    const shipper = greeted(['a'], { batchesInFlightMax: 1 })
    ship(shipper)
    expect(sent(ship(shipper, options.ackTimeoutMs - 1))).toEqual([])
    expect(sent(ship(shipper, options.ackTimeoutMs))[0]).toMatchObject({ from: 91, to: 100 })
  })

  test('never ships what is not synced, nor what is past its retention, nor what does not exist', () => {
    const shipper = greeted(['a'], { batchesInFlightMax: 100 })
    shipper.synced(100, 85)
    const [read] = shipper.plan(0).filter((action) => action.kind === 'readOwn')
    if (read?.kind !== 'readOwn') throw new Error('nothing to read')
    const run = { from: 95, to: 100, idsTo: 0, rows: new Uint8Array(1) }
    expect(sent(shipper.ownRead({ id: read.id, run }, 0))[0]).toMatchObject({ from: 95, to: 100 })
    const rest = shipper.plan(0).flatMap((action) => (action.kind === 'readOwn' ? [[action.from, action.to]] : []))
    expect(rest).not.toContainEqual([91, 94])
    expect(shipper.holdings()[0]).toMatchObject({
      ranges: expect.not.arrayContaining([{ from: 91, to: 94 }]),
      floor: 85,
    })
  })

  test('believes a withdrawal at once, and no acknowledgement from before it', () => {
    const shipper = greeted(['a'])
    ship(shipper)
    ack(shipper, 'a', { from: 1, to: 100 })
    expect(shipper.isCovered('a')).toBe(true)
    const withdraw = { verb: 'withdraw', id: 9, ...lane, ranges: [{ from: 5, to: 6 }], floor: 0, version: 2 } as const
    expect(sent(shipper.withdraw('a', withdraw))).toEqual([{ verb: 'withdrawn', id: 9 }])
    ack(shipper, 'a', { from: 1, to: 100 }, 1)
    expect(shipper.isCovered('a')).toBe(false)
  })

  test('does not offer again what a holder evicted for want of room', () => {
    const shipper = greeted(['a'])
    ack(shipper, 'a', { from: 51, to: 100 })
    shipper.withdraw('a', { verb: 'withdraw', id: 1, ...lane, ranges: [], floor: 50, version: 1 })
    expect(shipper.isCovered('a')).toBe(true)
  })

  test('gives a stand-in only what the silent holder does not have', () => {
    const shipper = greeted(['a', 'b'], { batchesInFlightMax: 100 })
    ack(shipper, 'a', { from: 1, to: 90 })
    shipper.setHolders({ assigned: ['b'], standIns: [{ host: 'c', standsInFor: 'a' }] }, 0)
    const planned = shipper.plan(0)
    for (const action of planned) {
      if (action.kind === 'send' && action.message.verb === 'hello') welcome(shipper, action.to, action.message.id)
    }
    answer(shipper, planned)
    const ranges = [0, 1, 2, 3]
      .flatMap(() => ship(shipper))
      .flatMap((action) =>
        action.kind === 'send' && action.to === 'c' && action.message.verb === 'append' ? [action.message.from] : [],
      )
    expect(ranges).toEqual([91])
  })

  test('takes a higher start when its disk forgot one, and falls silent when somebody else lives with its identity', () => {
    const shipper = new Shipper(options, new Openings('s', [{ start: 500, first: 1 }]), 0)
    shipper.synced(100, 0)
    shipper.setHolders({ assigned: ['a'], standIns: [] }, 0)
    const [hello] = sent(shipper.plan(0))
    expect(welcome(shipper, 'a', hello?.verb === 'hello' ? hello.id : 0, 900)).toEqual([
      { kind: 'open', startAbove: 900, isInPlace: true },
    ])
    expect(shipper.plan(5000)).toEqual([])

    const shipping = greeted(['a'])
    ship(shipping)
    const refuse = {
      verb: 'refuse',
      ...lane,
      from: 91,
      to: 100,
      reason: 'old_start',
      knownStart: 900,
      names: 0,
    } as const
    expect(shipping.refuse('a', { ...refuse, knownAgoMs: 500 }, 100)).toEqual([
      { kind: 'open', startAbove: 900, isInPlace: false },
    ])
    shipping.opened({ start: 901, first: 101 })
    expect(shipping.refuse('a', { ...refuse, knownStart: 950, knownAgoMs: 5 }, 100)).toEqual([
      { kind: 'quarantined', knownStart: 950 },
    ])
    expect(ship(shipping, 60_000)).toEqual([])
  })

  test('says how far each holder is behind', () => {
    const shipper = greeted(['a', 'b'])
    ack(shipper, 'a', { from: 1, to: 60 })
    expect(shipper.lags.map(({ host, lagSamples }) => [host, lagSamples])).toEqual([
      ['a', 40],
      ['b', 100],
    ])
  })
})
