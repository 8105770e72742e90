import { expect, test } from 'vitest'
import { hostIdOf, parseHostId } from '#protocol/subjects/subject.ts'
import { type PossibleHost, planHosts } from './plan.ts'

const fleet: PossibleHost[] = [
  { address: parseHostId('main.home.web-1'), state: 'offline' },
  { address: parseHostId('main.home.web-2'), state: 'suspect' },
  { address: parseHostId('main.home.db'), state: 'unknown' },
  { address: parseHostId('main.aws.web-1'), state: 'online' },
  { address: parseHostId('other.home.web-1'), state: 'online' },
]

test.each<[string, { host?: string; cloud?: string }, string[]]>([
  [
    'every host of the tenant, the surest first',
    {},
    ['main.aws.web-1', 'main.home.db', 'main.home.web-2', 'main.home.web-1'],
  ],
  ['a cloud', { cloud: 'aws' }, ['main.aws.web-1']],
  ['a host by its token in every cloud', { host: 'web-1' }, ['main.aws.web-1', 'main.home.web-1']],
  ['a host by its id', { host: 'main.home.web-1' }, ['main.home.web-1']],
  ['hosts by a glob', { host: 'web-*', cloud: 'home' }, ['main.home.web-2', 'main.home.web-1']],
  ['hosts by a glob over ids', { host: '*.home.*' }, ['main.home.db', 'main.home.web-2', 'main.home.web-1']],
  ['never those of another tenant', { host: 'other.home.web-1' }, []],
])('a question goes to %s', (_, choice, ids) => {
  expect(planHosts(fleet, { tenant: 'main', ...choice }).map(({ owner }) => hostIdOf(owner))).toEqual(ids)
})

test('a host that is offline is not asked, but those of its tenant and cloud who may answer', () => {
  const plan = planHosts(fleet, { tenant: 'main', cloud: 'home', host: 'web-*' })
  expect(plan.map(({ holders }) => holders.map(hostIdOf))).toEqual([['main.home.web-2'], []])
  expect(plan.map(({ mates }) => mates.map(hostIdOf))).toEqual([
    ['main.home.db', 'main.home.web-2'],
    ['main.home.db', 'main.home.web-2'],
  ])
})

test('a glob that is none is refused', () => {
  expect(() => planHosts(fleet, { tenant: 'main', host: '[' })).toThrow(
    expect.objectContaining({ code: 'SELECTOR_INVALID' }),
  )
})
