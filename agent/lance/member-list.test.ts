import { expect, it } from 'vitest'
import type { Members } from '#protocol/instances/members.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { MemberList, memberText } from './member-list.ts'

const membersOf = (...ids: string[]): Members => ({
  term: 1,
  masterIp: '',
  list: ids.map((id) => ({ id, ip: '10.0.0.1', role: 'node' })),
})

/** A place whose disk takes nothing while `isFull`. */
class Place {
  readonly clock = new FakeClock()
  readonly list = new MemberList({ clock: this.clock, logger: silentLogger })
  readonly written: string[] = []
  isFull = false
  readonly #runtime = {
    writeMembers: async (_id: string, text: string): Promise<void> => {
      await Promise.resolve()
      if (this.isFull) throw new Error('no room')
      this.written.push(text)
    },
  }

  follow(...ids: string[]): void {
    this.list.follow(ids.length === 0 ? undefined : { id: 'a', members: membersOf(...ids), runtime: this.#runtime })
  }
}

const texts = (...lists: string[][]): string[] => lists.map((ids) => memberText(membersOf(...ids)))

it('the newest list is in the file, once, whatever was told meanwhile', async () => {
  const place = new Place()
  place.follow('a')
  place.follow('a', 'b')
  place.follow('a', 'b', 'c')
  await place.list.written()
  place.follow('a', 'b', 'c')
  await place.list.written()
  expect(place.written.at(-1)).toBe(texts(['a', 'b', 'c'])[0])
  expect(place.written).toHaveLength(2)
})

it('a place that is made again gets it again', async () => {
  const place = new Place()
  for (const ids of [['a'], [], ['a']]) {
    place.follow(...ids)
    await place.list.written()
  }
  expect(place.written).toEqual(texts(['a'], ['a']))
})

it('what cannot be written is tried until it can, or until nobody wants it', async () => {
  const place = new Place()
  place.isFull = true
  place.follow('a')
  await place.clock.advance(1000)
  place.isFull = false
  place.follow('a', 'b')
  await place.clock.advance(60_000)
  await place.list.written()
  expect(place.written).toEqual(texts(['a', 'b']))
  place.isFull = true
  place.follow('a', 'c')
  await place.list.close()
  expect(place.written).toHaveLength(1)
})
