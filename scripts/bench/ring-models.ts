/** What is pure: how much moves when a member leaves, and how fast the simulation goes. */
import { execFileSync } from 'node:child_process'
import { assignedHolders, Ring } from '#agent/ring/placement.ts'
import { printTable } from './report.ts'

const seeds = 300

/** Copies that change their place when one of `count` members leaves, of all, the mean of all members. */
function movedShare(count: number): number {
  const members = Array.from({ length: count }, (_, i) => ({ host: `host-${i}`, zone: '' }))
  const before = new Ring(members)
  let moved = 0
  for (const gone of before.hosts) {
    const after = new Ring(members.filter(({ host }) => host !== gone))
    for (const owner of after.hosts) {
      const held = new Set(assignedHolders(before, owner, 2))
      moved += assignedHolders(after, owner, 2).filter((host) => !held.has(host)).length
    }
  }
  return moved / (count * count * 2)
}

export function benchRingModels(): Promise<void> {
  const output = execFileSync(process.execPath, ['--import', 'tsx', 'scripts/simulate.ts', '--seeds', `${seeds}`])
  const { seedsPerSecond } = JSON.parse(output.toString()) as { seedsPerSecond: number }
  printTable('Ring: placement and simulation', [
    {
      'copies that move when one of 100 leaves': `${(100 * movedShare(100)).toFixed(2)} %`,
      'seeds/s of the simulation, one core': seedsPerSecond,
    },
  ])
  return Promise.resolve()
}
