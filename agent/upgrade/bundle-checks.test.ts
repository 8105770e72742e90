import { expect, it } from 'vitest'
import { parseManifest } from '#protocol/upgrade/bundle-manifest.ts'
import { compareVersions, expectNoDowngrade, expectRoom, expectRunnable } from './bundle-checks.ts'

it.each([
  ['0.1.0', '0.1.0', 0],
  ['0.1.1', '0.1.0', 1],
  ['0.9.0', '0.10.0', -1],
  ['1.0.0-rc1', '1.0.0', -1],
  ['20.19.1', '20.19', 1],
  ['v20.18.3', '20.19', -1],
])('%s beside %s', (a, b, sign) => expect(Math.sign(compareVersions(a, b))).toBe(sign))

it('a version below the floor is refused unless forced', () => {
  expect(() => expectNoDowngrade('0.1.9', false, '0.2.0')).toThrow(/found version 0.1.9.*expected 0.2.0 or newer/)
  expect(() => expectNoDowngrade('0.1.9', true, '0.2.0')).not.toThrow()
  expect(() => expectNoDowngrade('0.2.0', false, '0.2.0')).not.toThrow()
})

it('a bundle for another Node, or of another version than was ordered, is refused', () => {
  const manifest = parseManifest('{"version": "0.2.0", "node": "20.19"}')
  expect(() => expectRunnable(manifest, '0.2.0', '20.19.0')).not.toThrow()
  expect(() => expectRunnable(manifest, '0.2.0', '20.18.9')).toThrow(/found 20.18.9, expected at least 20.19/)
  expect(() => expectRunnable(manifest, '0.3.0', '20.19.0')).toThrow(/found a bundle of 0.2.0, expected 0.3.0/)
})

it('a bundle that there is no room for is refused', () => {
  expect(() => expectRoom(6000, 1000)).not.toThrow()
  expect(() => expectRoom(5999, 1000)).toThrow(/found 5999 bytes free, expected 6000/)
})

it.each(['', '{}', '{"version": "0.2.0", "node": "latest"}'])('%j is no manifest', (text) =>
  expect(() => parseManifest(text)).toThrow(/bundle.json/),
)
