/**
 * `npx vitest bench sensors/instance`: what metering 50 instances once costs. From a captured tree; of the containers that run here,
 * 50 at most, where a Docker engine does; and, for comparison, of reading nothing but five of their files.
 */
import { execFileSync } from 'node:child_process'
import { openSync, readSync } from 'node:fs'
import { afterAll, bench, describe } from 'vitest'
import { cgroupFolderV1, cgroupFolderV2, cgroupMounts } from './cgroup-place.ts'
import { FixtureTree, quietSignal } from './fixture-tree.ts'
import { instanceSensor, type RunningInstance } from './instance.ts'
import { ProcFile } from './proc-file.ts'
import type { OpenSensor } from './sensor.ts'

const instancesMax = 50
const signal = quietSignal()
const tree = new FixtureTree('cgroup1')
afterAll(() => tree.remove())

function metering(pids: readonly number[], root: string): OpenSensor {
  const running = pids.map(
    (pid, index): RunningInstance => ({
      application: 'shop',
      component: 'web',
      instance: `shop-web-${index}`,
      processes: [pid],
      hasOwnCgroup: true,
    }),
  )
  const sensor = instanceSensor(() => running)
  return sensor.open(sensor.parse({}), { ...tree.deps, root, intervalMs: 1000 })
}

/** Main processes of the containers here; none without an engine. */
function containers(): readonly number[] {
  try {
    const docker = (...words: readonly string[]): string => execFileSync('docker', words, { encoding: 'utf8' })
    const ids = docker('ps', '-q').split('\n').filter(Boolean).slice(0, instancesMax)
    return docker('inspect', '-f', '{{.State.Pid}}', ...ids)
      .trim()
      .split('\n')
      .map(Number)
  } catch {
    return []
  }
}

describe('captured', () => {
  const sensor = metering(
    Array.from({ length: instancesMax }, () => 22_075),
    tree.root,
  )
  bench(`${instancesMax} instances`, async () => {
    await sensor.read(signal)
  })
})

const pids = containers()
describe.runIf(pids.length > 0)(`${pids.length} containers`, () => {
  const sensor = metering(pids, '')
  bench('metered', async () => {
    await sensor.read(signal)
  })

  const v1 = ['cpuacct.usage', 'memory.usage_in_bytes', 'memory.stat', 'pids.current', 'pids/cgroup.procs']
  const v2 = ['cpu.stat', 'memory.current', 'memory.stat', 'io.stat', 'pids.current']
  const mounts = cgroupMounts(new ProcFile('/proc/self/mountinfo').read() ?? '')
  const files = pids.flatMap((pid) => {
    const membership = new ProcFile(`/proc/${pid}/cgroup`).read() ?? ''
    if (mounts.v1.size === 0) return v2.map((name) => `${cgroupFolderV2(membership, mounts)}/${name}`)
    return v1.map((name) => {
      const [controller = '', file] = name.split('/')
      return `${cgroupFolderV1(membership, controller.split('.')[0] ?? '', mounts)}/${file ?? name}`
    })
  })
  const open = files.map((path) => openSync(path, 'r'))
  const buffer = Buffer.alloc(8192)
  bench('five files each, kept open, only read', () => {
    for (const file of open) readSync(file, buffer, 0, buffer.length, 0)
  })
})
