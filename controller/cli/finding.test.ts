import { expect, test } from 'vitest'
import { findingLines, judgeClock, judgeHost, judgeNode, judgeTokenFile } from './finding.ts'

const host = { id: 'a', tenant: 'main', cloud: 'home', state: 'online' }

test.each([
  ['v20.19.0', 'ok'],
  ['v20.18.9', 'fail'],
  ['v18.20.0', 'fail'],
  ['v24.0.0', 'ok'],
])('node %s is %s', (version, status) => {
  expect(judgeNode(version).status).toBe(status)
})

test.each([
  [undefined, 'warn'],
  [0o100600, 'ok'],
  [0o100640, 'fail'],
])('a token file of mode %s is %s', (mode, status) => {
  expect(judgeTokenFile('/t', mode).status).toBe(status)
})

test.each([
  [{}, 'ok'],
  [{ state: 'offline' }, 'fail'],
  [{ state: 'left' }, 'ok'],
  [{ state: 'suspect' }, 'warn'],
  [{ skew_ms: -5_000 }, 'warn'],
  [{ lag_samples: 1e6 }, 'warn'],
  [{ dropped: 1 }, 'warn'],
  [{ store_fault: null }, 'ok'],
  [{ store_fault: 'disk_full' }, 'fail'],
])('a host with %j is %s', (more, status) => {
  expect(judgeHost({ ...host, ...more }).status).toBe(status)
})

test('every finding that is not ok says what to do', () => {
  const findings = [
    judgeNode('v1.0.0'),
    judgeTokenFile('/t', 0o644),
    judgeHost({ ...host, state: 'offline' }),
    judgeHost({ ...host, store_fault: 'disk_full' }),
    judgeClock(9e9),
  ]
  expect(findings.filter((finding) => !finding.fix)).toEqual([])
})

test('a person reads one line a check and the fix below it', () => {
  expect(findingLines([judgeNode('v24.1.0'), judgeTokenFile('/t', 0o644)])).toEqual([
    'OK    node        v24.1.0',
    'FAIL  token file  /t has mode 644',
    '        fix: chmod 600 /t',
  ])
})
