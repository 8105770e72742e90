/** What is pure: how much moves when a member leaves, and how fast the simulation goes. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { nextStart } from '#agent/ring/lane.ts'
import { encodeMessage } from '#agent/ring/message-encoder.ts'
import { assignedHolders, Ring } from '#agent/ring/placement.ts'
import { encodeBatch } from '#protocol/samples/encoder.ts'
import type { SampleColumns } from '#protocol/samples/format.ts'
import { batchesOf, roundsOf } from '#protocol/samples/trace-batches.ts'
import { printTable, type Row } from './report.ts'

const seeds = 300
/** As after some weeks: positions grow, and so do the bytes that name them. */
const firstPosition = 5_000_000

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

/** Bytes a sample of the recorded host as they travel to one holder: rows, and the whole message but its subject. */
function benchBytes(): void {
  const trace = gunzipSync(
    readFileSync(join(process.env['SHARED_DIR'] ?? '../shared', 'traces/host-1s.txt.gz')),
  ).toString()
  const storeId = '0123456789abcdef0123456789abcdef'
  const start = nextStart(0, Date.now(), 0.5)
  const own = { verb: 'append', storeId, start, ownerStart: start, owner: 'web-1', zone: 'a', idsTo: 337 } as const
  const rows: Row[] = []
  for (const stepS of [10, 1]) {
    for (const roundsPerBatch of [1, 3, 60]) {
      const batches = batchesOf(roundsOf(trace, stepS), roundsPerBatch)
      const samples = batches.reduce((sum, { values }) => sum + values.length, 0)
      const messageOf = (batch: SampleColumns): Uint8Array => {
        const span = { from: firstPosition + batch.from, to: firstPosition + batch.to }
        return encodeMessage({ ...own, ...span, rows: encodeBatch(storeId, batch) })
      }
      const each = (encode: (batch: SampleColumns) => Uint8Array): string =>
        (batches.reduce((sum, batch) => sum + encode(batch).length, 0) / samples).toFixed(2)
      rows.push({
        step: `${stepS} s`,
        'rounds a message': roundsPerBatch,
        'rows, bytes a sample and copy': each((batch) => encodeBatch(storeId, batch)),
        'message but its subject': each(messageOf),
      })
    }
  }
  printTable('Ring: bytes on the way to one holder, 337 series', rows)
}

/** What moves when one of a hundred members leaves, and seeds a second of the simulation. */
export function benchRingModels(): Promise<void> {
  benchBytes()
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
