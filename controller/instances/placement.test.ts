import { describe, expect, it } from 'vitest'
import type { FleetHost } from './fleet.ts'
import type { InstanceRecord } from './instance-record.ts'
import { instanceSpec } from './instance-spec.ts'
import { componentsOf } from './model-fleet.ts'
import { type Placement, place } from './placement.ts'

const statuses = new Map()
const host = (name: string, more: Partial<FleetHost> = {}): FleetHost => ({
  id: `main.home.${name}`,
  cloud: 'home',
  host: name,
  state: 'online',
  labels: {},
  cores: 2,
  memoryBytes: 1000,
  report: { system: 'linux', isolations: ['docker', 'directory'], statuses },
  ...more,
})

const web = (more: object = {}): ReturnType<typeof componentsOf>[number] => {
  const [first] = componentsOf({ web: { lifecycle: { start: './run.sh' }, ...more } })
  if (!first) throw new Error('no component')
  return first
}

const there = (on: string, component = web(), number = 1): InstanceRecord => {
  const id = `shop-${component.name}-${number}`
  const wish = { id, application: 'shop', component, generation: 1, system: 'linux', peers: new Map(), isWanted: true }
  const spec = instanceSpec({ ...wish, system: 'linux' })
  const base = { id, application: 'shop', component: component.name, number, host: `main.home.${on}`, spec }
  return { ...base, isStopped: false, isLeaving: false, createdAtMs: 0 }
}

const placed = (hosts: readonly FleetHost[], component = web(), records: readonly InstanceRecord[] = []): Placement =>
  place({ application: 'shop', component, hosts, records, refusals: new Map() })

describe('place', () => {
  it.each([
    ['offline', host('a', { state: 'offline' }), {}, 'it is offline'],
    ['not known', host('a', { report: undefined }), {}, 'what it runs is not known'],
    ['drained', host('a', { drain: { sinceMs: 1 } }), {}, 'it is drained'],
    ['another cloud', host('a'), { place: { cloud: 'ec2' } }, 'found cloud home, expected ec2'],
    ['another host', host('a'), { place: { host: 'b' } }, 'found host a, expected b'],
    ['another label', host('a'), { place: { labels: { disk: 'ssd' } } }, 'found label disk=none, expected ssd'],
    ['too few cores', host('a'), { place: { cores: '>=4' } }, 'found 2 cores, expected at least 4'],
    ['unknown memory', host('a', { memoryBytes: undefined }), { place: { memory: 5 } }, 'found an unknown number of'],
    ['too little disk', host('a'), { place: { disk: 5 } }, 'bytes of disk free, expected at least 5'],
    ['no memory left', host('a'), { resources: { memory: 2000 } }, 'found 1000 bytes of memory not reserved'],
    [
      'no docker',
      host('a', { report: { system: 'linux', isolations: ['directory'], statuses } }),
      { isolation: 'docker', image: 'x' },
      'found directory to run instances in, expected docker',
    ],
  ] as const)('says why a host cannot have it: %s', (_, at, more, says) => {
    const { host: found, rejected } = placed([at], web(more))
    expect(found).toBeUndefined()
    expect(rejected[0]?.reasons.join()).toContain(says)
  })

  it('gives a port to one instance of a host', () => {
    const listening = web({ provides: { http: 80 } })
    const { host: found, rejected } = placed([host('a'), host('b')], listening, [there('a', listening)])
    expect(found).toBe('main.home.b')
    expect(rejected).toEqual([
      { host: 'main.home.a', reasons: ['shop-web-1 has port 80/tcp: in a directory it listens on its own numbers'] },
    ])
    const twins = [host('a', { machine: 'm' }), host('b', { machine: 'm' })]
    expect(placed(twins, listening, [there('a', listening)]).rejected[1]?.reasons).toEqual([
      'shop-web-1 has port 80/tcp of this machine, on main.home.a: in a directory it listens on its own numbers',
    ])
    const own = [host('a', { machine: 'main.home.a' }), host('b', { machine: 'main.home.b' })]
    expect(placed(own, listening, [there('a', listening)]).host).toBe('main.home.b')
    const inside = web({ image: 'x', provides: { http: 80 } })
    expect(placed([host('a')], inside, [there('a', inside)]).host).toBe('main.home.a')
  })

  it('keeps components apart that must not share a host', () => {
    const alone = web({ place: { antiAffinity: 'web' } })
    expect(placed([host('a'), host('b')], alone, [there('a', alone)]).host).toBe('main.home.b')
  })

  it('spreads over zones before hosts, and over hosts before load', () => {
    const zoned = web({ place: { spread: 'zone' } })
    const hosts = [
      host('a', { labels: { zone: '1' } }),
      host('b', { labels: { zone: '1' } }),
      host('c', { labels: { zone: '2' } }),
    ]
    expect(placed(hosts, zoned, [there('a', zoned)]).host).toBe('main.home.c')
    expect(placed(hosts, zoned, [there('a', zoned), there('c', zoned, 2)]).host).toBe('main.home.b')
    expect(placed([host('a'), host('b', { cores: 8 })], web(), []).host).toBe('main.home.a')
  })
})
