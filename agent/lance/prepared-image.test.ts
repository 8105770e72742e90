import { expect, it } from 'vitest'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import { preparedKey } from './prepared-image.ts'
import { bareSpec } from './runtime/bare-spec.ts'

const handler = { commands: [['fetch', 'packages']], timeoutMs: 1000 }
const keyOf = (changes: Partial<InstanceSpec> = {}): string | undefined =>
  preparedKey(
    bareSpec({ id: 'shop-web-1', isolation: 'docker', image: 'a', lifecycle: { preInstall: handler }, ...changes }),
  )

it('instances of a component share what preInstall leaves, whatever runs afterwards', () => {
  const same = { id: 'shop-web-2', generation: 9, lifecycle: { preInstall: handler, install: handler, start: handler } }
  expect(keyOf(same)).toBe(keyOf())
  expect(keyOf({ environment: { A: '1', B: '2' } })).toBe(keyOf({ environment: { B: '2', A: '1' } }))
})

it.each<[string, Partial<InstanceSpec>]>([
  ['component', { component: 'db' }],
  ['image', { image: 'b' }],
  ['variables', { environment: { A: '1' } }],
  ['files', { files: [{ path: 'x', text: 'y', isExecutable: false }] }],
  ['code', { code: { id: 'v1', sha256: 'a', bytes: 1 } }],
  ['command', { lifecycle: { preInstall: { ...handler, commands: [['other']] } } }],
  ['init', { lifecycle: { init: handler, preInstall: handler } }],
])('another %s is prepared anew', (_, changes) => expect(keyOf(changes)).not.toBe(keyOf()))

it('nothing is kept of a directory, or where preInstall does nothing', () => {
  expect([keyOf({ isolation: 'directory' }), keyOf({ lifecycle: { install: handler } })]).toEqual([
    undefined,
    undefined,
  ])
})
