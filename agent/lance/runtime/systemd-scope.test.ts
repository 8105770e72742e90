import { expect, it } from 'vitest'
import { systemdScope } from './systemd-scope.ts'

it('a scope carries the limits that are given, and a name of its own', () => {
  expect(systemdScope('shop-web-3', 'r1', { cpus: 0.5, memoryBytes: 1024, processes: 9 }).join(' ')).toBe(
    'systemd-run --scope --quiet --collect --unit=lanista-shop-web-3-r1 -p MemoryMax=1024 -p CPUQuota=50% -p TasksMax=9 --',
  )
  expect(systemdScope('a', 'r2', {}).join(' ')).toBe('systemd-run --scope --quiet --collect --unit=lanista-a-r2 --')
})
