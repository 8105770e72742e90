/** The shared area on a disk that fills up: a file system of its own, in a mount namespace that ends with its process. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

/** Rows of 20 kB each, ten positions a row: some at first, many while the disk is full, some once there is room again. */
const program = `
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
const { LevelSlot } = await import(${JSON.stringify(new URL('../store/level-slot.ts', import.meta.url).href)})
const { LevelReplicaStore } = await import(${JSON.stringify(new URL('./level-replica-store.ts', import.meta.url).href)})
const mounted = process.argv[1]
const options = { folder: join(mounted, 'shared'), compression: false, cacheBytes: 65536, writeBufferBytes: 1048576 }
const open = async () => new LevelReplicaStore(await LevelSlot.open(options, () => 1, () => {}), () => {})
let store = await open()
const kept = []
const keep = async (from, to) => {
  let failed = 0
  for (let i = from; i < to; i++) {
    const rows = { storeId: 'store', start: 100, from: 10 * i + 1, to: 10 * i + 10, idsTo: 0, rows: Buffer.alloc(20_000, i) }
    await store.keep({ owner: 'o', zone: '', start: 100 }, rows).then(() => kept.push(i), () => failed++)
  }
  return failed
}
const before = await keep(0, 20)
const filler = join(mounted, 'filler')
writeFileSync(filler, Buffer.alloc(12 * 1048576))
const full = await keep(20, 320)
const lane = { storeId: 'store', start: 100 }
const read = await store.read('o', lane, { from: 1, to: 10 })
rmSync(filler)
const after = await keep(320, 340)
await store.close()
store = await open()
const lost = []
for (const i of kept) {
  const run = await store.read('o', lane, { from: 10 * i + 1, to: 10 * i + 10 })
  if (run?.from !== 10 * i + 1 || run.rows.some((byte) => byte !== i % 256)) lost.push(i)
}
await store.close()
console.log(JSON.stringify({ before, full, readWhileFull: read?.from, after, kept: kept.length, lost }))
`

test('what was kept is there after the disk was full, and the area takes rows again without a restart', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lanista-replicas-'))
  try {
    const node = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', program, folder]
    const mount = [
      '--map-root-user',
      '--mount',
      'sh',
      '-c',
      'mount -t tmpfs -o size=16m tmpfs "$0" && exec "$@"',
      folder,
    ]
    const { stdout } = await promisify(execFile)('unshare', [...mount, ...node], { timeout: 60_000 })
    const found = JSON.parse(stdout) as { full: number; kept: number }
    expect(found).toMatchObject({ before: 0, readWhileFull: 1, after: 0, lost: [] })
    expect(found.full).toBeGreaterThan(0)
    expect(found.kept).toBe(340 - found.full)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
