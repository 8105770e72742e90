import { expect, test } from 'vitest'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { planUp } from './plan.ts'
import { missingHosts, type SeenHost, waitForHosts } from './ready.ts'

const plan = planUp({ data: '/d', restart: 'always', httpPort: 0, carbonPort: 0, broker: 'embedded', hosts: 2 }, 'a')
const seen = (id: string, state: string): SeenHost => ({ tenant: 'default', cloud: 'home', id, state })
const never = new AbortController().signal

test('a host counts when it is online under its own cloud', () => {
  expect(missingHosts(plan, [seen('a', 'online'), { ...seen('a-2', 'online'), cloud: 'other' }])).toEqual([
    'default.home.a-2',
  ])
  expect(missingHosts(plan, [seen('a', 'suspect'), seen('a-2', 'online')])).toEqual(['default.home.a'])
})

test('waiting ends with the last host', async () => {
  const clock = new FakeClock()
  const hosts: SeenHost[] = [seen('a', 'online')]
  const waiting = waitForHosts(plan, () => hosts, clock, never)
  await clock.advance(1_000)
  hosts.push(seen('a-2', 'online'))
  await clock.advance(100)
  await waiting
})

test('who is still missing after a minute is named', async () => {
  const clock = new FakeClock()
  const waiting = waitForHosts(plan, () => [seen('a', 'online')], clock, never)
  const failed = expect(waiting).rejects.toMatchObject({ code: 'NOT_READY', message: expect.stringContaining('a-2') })
  await clock.advance(61_000)
  await failed
})
