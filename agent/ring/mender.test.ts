import { beforeEach, describe, expect, test } from 'vitest'
import { Holdings } from './holdings.ts'
import type { LaneHolding } from './lane.ts'
import { Mender, type MenderAction, menderDefaults } from './mender.ts'
import type { Offer } from './ring-message.ts'

const lane = { storeId: 's', start: 50 }

/** Host `me` among `me`, `p` and `q`, who keep the data of `o`. */
let here: Holdings
let askable: Set<string>
let keepers: readonly string[]
let mender: Mender

beforeEach(() => {
  here = new Holdings()
  askable = new Set(['p', 'q'])
  keepers = ['me', 'p', 'q']
  mender = new Mender(
    { ...menderDefaults, host: 'me' },
    {
      owners: () => (here.laneCount > 0 ? ['o'] : []),
      holdings: () => here.summary(),
      missing: (_, lanes) => here.missingOf(lanes),
      keepers: () => ({ hosts: keepers, isSettled: true }),
      facts: () => ({ zone: '', start: 50 }),
      names: () => 0,
      canAsk: (host) => askable.has(host),
      isDroppable: () => false,
    },
    0,
  )
})

function offer(from: number, to: number, more: Partial<Offer> = {}): Offer {
  const lanes: LaneHolding[] = [{ ...lane, ranges: [{ from, to }], floor: 0 }]
  return { verb: 'offer', owner: 'o', zone: '', ownerStart: 50, lanes, keeps: true, isReply: true, ...more }
}

/** What is fetched, from whom. */
function fetches(actions: readonly MenderAction[]): string[] {
  return actions.flatMap((action) =>
    action.kind === 'send' && action.message.verb === 'fetch'
      ? [`${action.to} ${action.message.from}-${action.message.to}`]
      : [],
  )
}

describe('a mender', () => {
  test('fetches what is missing from who has it', () => {
    expect(fetches(mender.offer('p', offer(1, 10), 0))).toEqual(['p 1-10'])
  })

  test('fetches from who could not be asked as soon as the ring knows it', () => {
    askable.clear()
    expect(fetches(mender.offer('p', offer(1, 10), 0))).toEqual([])
    expect(fetches(mender.tick(1000))).toEqual([])
    askable.add('p')
    mender.ringChanged(2000)
    expect(fetches(mender.tick(3000))).toEqual(['p 1-10'])
  })

  test('fetches from another what one has without the names for it', () => {
    const [fetch] = mender.offer('p', offer(1, 10), 0)
    mender.offer('q', offer(1, 10), 0)
    const id = fetch?.kind === 'send' && fetch.message.verb === 'fetch' ? fetch.message.id : 0
    mender.passOver('p', 'o')
    expect(fetches(mender.fetchEnded(id, 0))).toEqual(['q 1-10'])
  })

  test('counts as to be handed over what the keeper with least of it lacks, and everything while one has not said', () => {
    keepers = ['p', 'q']
    here.add(lane, { from: 1, to: 10 })
    mender.tick(1000)
    mender.offer('p', offer(1, 10), 1000)
    expect(mender.toHandOver('o')).toBe(10)
    mender.offer('q', offer(1, 7), 1000)
    expect(mender.toHandOver('o')).toBe(3)
    expect(mender.isKeptElsewhere('o')).toBe(false)
    mender.offer('q', offer(1, 10, { keeps: false }), 1000)
    expect(mender.toHandOver('o')).toBe(10)
    mender.offer('q', offer(1, 10), 1000)
    expect([mender.toHandOver('o'), mender.isKeptElsewhere('o')]).toEqual([0, true])
    mender.ringChanged(2000)
    expect(mender.toHandOver('o')).toBe(10)
  })

  test('has everything to hand over where nobody is to keep it', () => {
    keepers = []
    here.add(lane, { from: 1, to: 4 })
    expect(mender.toHandOver('o')).toBe(4)
  })
})
