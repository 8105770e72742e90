/** Whether a bundle can run on this host. */
import { LanistaError } from '#protocol/errors.ts'
import type { BundleManifest } from '#protocol/upgrade/bundle-manifest.ts'

/**
 * The oldest version that reads what this one writes into its data folder: store, journal, instances. Going back further needs the
 * operator's word. Raise it with every change of a format on disk.
 */
export const versionFloor = '0.1.0'

/** An archive grows so much when it is unpacked, and both lie here for a while. */
const roomPerByte = 6

/** Throws BUNDLE_INVALID for a bundle of another version than was ordered, NODE_TOO_OLD for one that this Node cannot run. */
export function expectRunnable(manifest: BundleManifest, version: string, node: string): void {
  if (manifest.version !== version) {
    const expected = `found a bundle of ${manifest.version}, expected ${version}`
    throw new LanistaError('BUNDLE_INVALID', `order the version that the bundle has: ${expected}`)
  }
  if (compareVersions(node, manifest.node) >= 0) return
  throw new LanistaError('NODE_TOO_OLD', `install a newer Node: found ${node}, expected at least ${manifest.node}`)
}

/** Throws UPGRADE_REFUSED for a version below the floor, unless forced. */
export function expectNoDowngrade(version: string, isForced: boolean, floor: string = versionFloor): void {
  if (isForced || compareVersions(version, floor) >= 0) return
  throw new LanistaError(
    'UPGRADE_REFUSED',
    `force it, if the data of this host may be lost: found version ${version}, which cannot read what is here; expected ${floor} or newer`,
  )
}

/** Throws DISK_FULL unless there is room for an archive of so many bytes and what is in it. */
export function expectRoom(free: number, bytes: number): void {
  if (free >= bytes * roomPerByte) return
  const expected = `found ${free} bytes free, expected ${bytes * roomPerByte}`
  throw new LanistaError('DISK_FULL', `make room where the bundles lie: ${expected}`)
}

/** Below, at or above 0 as `a` is older than, as old as or newer than `b`: by their numbers; what stands behind a dash makes older. */
export function compareVersions(a: string, b: string): number {
  const [one, other] = [numbersOf(a), numbersOf(b)]
  for (let i = 0; i < 3; i++) {
    const difference = (one[i] ?? 0) - (other[i] ?? 0)
    if (difference !== 0) return difference
  }
  return Number(b.includes('-')) - Number(a.includes('-'))
}

function numbersOf(version: string): readonly number[] {
  const core = version.replace(/^v/, '').split(/[-+]/, 1)[0] ?? ''
  return core.split('.').map((part) => Number.parseInt(part, 10) || 0)
}
