import { describe, expect, it } from 'vitest'
import { parseInstanceSpec } from '#protocol/instances/spec-schema.ts'
import { type InstanceWish, instanceSpec, isSameSpec } from './instance-spec.ts'
import { componentsOf } from './model-fleet.ts'

const wishFor = (component: object, more: Partial<InstanceWish> = {}): InstanceWish => {
  const [db, web] = componentsOf({
    db: { lifecycle: { start: 'x' }, provides: { sql: 1 } },
    web: { lifecycle: { start: './run.sh' }, ...component },
  })
  if (!db || !web) throw new Error('no components')
  const base = { id: 'shop-web-1', application: 'shop', generation: 1, system: 'linux', isWanted: true } as const
  return { ...base, component: web, peers: new Map(), ...more }
}

describe('instanceSpec', () => {
  it('turns shell text and vectors into vectors, with the parameters behind them', () => {
    const { lifecycle } = instanceSpec(
      wishFor({ lifecycle: { init: [['./a', '-b']], start: './run.sh "$@"' }, parameters: '1 2' }),
    )
    expect(lifecycle.init?.commands).toEqual([['./a', '-b', '1', '2']])
    expect(lifecycle.start?.commands).toEqual([['/bin/sh', '-c', './run.sh "$@"', '/bin/sh', '1', '2']])
    expect(instanceSpec(wishFor({})).lifecycle.start?.commands).toEqual([['/bin/sh', '-c', './run.sh']])
  })

  it('takes the script of the system, leaves out what is empty, and knows containers as Linux', () => {
    const lifecycle = { install: { linux: [], any: 'b' }, start: { linux: 'lin', windows: 'win' } }
    expect(instanceSpec(wishFor({ lifecycle })).lifecycle).toMatchObject({
      start: { commands: [['/bin/sh', '-c', 'lin']] },
    })
    expect(instanceSpec(wishFor({ lifecycle })).lifecycle.install).toBeUndefined()
    const onWindows = instanceSpec(wishFor({ lifecycle }, { system: 'windows' }))
    expect(onWindows.lifecycle.start?.commands).toEqual([['cmd.exe', '/d', '/s', '/c', 'win']])
    const inDocker = instanceSpec(wishFor({ image: 'a:1' }, { system: 'windows' }))
    expect(inDocker.lifecycle.start?.commands).toEqual([['/bin/sh', '-c', './run.sh']])
  })

  it('writes images and volumes as the engine reads them', () => {
    const digest = `sha256:${'a'.repeat(64)}`
    const volumes = ['data:/data', '/srv/shop:/shop:ro']
    expect(instanceSpec(wishFor({ image: 'shop/web:1.4', volumes }))).toMatchObject({ image: 'shop/web:1.4', volumes })
    expect(instanceSpec(wishFor({ image: `shop/web@${digest}` })).image).toBe(`shop/web@${digest}`)
  })

  it('makes one command of a detector with several', () => {
    const lifecycle = { start: 'x', startDetector: { script: ['test -f up', ['./is', "it's"]] } }
    expect(instanceSpec(wishFor({ lifecycle })).startDetector).toMatchObject({
      command: ['/bin/sh', '-c', "{ test -f up\n} && './is' 'it'\\''s'"],
    })
  })
})

it('is what an agent takes, whatever the component has', () => {
  const everything = wishFor(
    {
      image: { name: 'shop/web', login: 'hub' },
      lifecycle: {
        init: 'a',
        start: ['b', ['c', 'd']],
        startDetector: { http: 'web', path: '/up' },
        stopDetector: './gone',
      },
      provides: { web: { port: 80, public: true }, dns: { port: 53, protocol: 'udp' } },
      requires: { sql: { from: 'db.sql', min: 0, max: 2, onChange: './rewire.sh' } },
      resources: { cpu: 0.5, memory: '64M', processes: 9 },
      environment: { A: 1 },
      files: { 'a/b.sh': '#!/bin/sh' },
      volumes: ['data:/data'],
      restart: { on: 'always', backoff: '1s..1m', limit: '5/10m' },
    },
    { peers: new Map([['sql', [{ instance: 'shop-db-1', public: undefined, cloud: '10.0.0.1:1' }]]]) },
  )
  const sent = JSON.parse(JSON.stringify(instanceSpec(everything)))
  expect(parseInstanceSpec(sent)).toEqual(sent)
})

describe('isSameSpec', () => {
  const requires = { requires: { sql: 'db.sql' } }
  const spec = instanceSpec(wishFor(requires))
  const peers = new Map([['sql', [{ instance: 'shop-db-1', cloud: '10.0.0.1:1' }]]])

  it.each([
    ['another generation', { generation: 2 }, true, true],
    ['other peers', { peers }, false, true],
    ['not to run', { isWanted: false }, false, true],
    ['another id', { id: 'shop-web-2' }, false, false],
  ] as const)('tells them apart: %s', (_, more, isSame, isSameBut) => {
    const other = instanceSpec(wishFor(requires, more))
    expect(isSameSpec(spec, other)).toBe(isSame)
    expect(isSameSpec(spec, other, 'peers', 'isWanted')).toBe(isSameBut)
  })

  it('does not look at the order of keys, nor at what was kept as JSON', () => {
    const kept = JSON.parse(JSON.stringify(Object.fromEntries(Object.entries(spec).toReversed())))
    expect(isSameSpec(spec, kept)).toBe(true)
  })
})
