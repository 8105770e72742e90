/**
 * `npx tsx agent/store/block/block.bench.ts [trace]` prints sizes and speeds; figures and machine stand in README.md.
 */
import { join } from 'node:path'
import { kinds, makeSeries, measureSpeed, measureTrace, prepareRace, readTrace } from './block-bench.ts'

const trace = process.argv[2] ?? join(process.env['SHARED_DIR'] ?? '../shared', 'traces/host-1s.txt.gz')

for (const everySeconds of [1, 10]) {
  const series = readTrace(trace, everySeconds)
  console.log(`host trace every ${everySeconds} s: bytes a point (constant, counter, gauge; headers)`)
  for (const samplesPerBlock of [60, 120, 360, 720, 1440, 1800]) {
    const { all, kinds, headerBytes } = measureTrace(series, samplesPerBlock)
    const parts = [kinds.constant, kinds.counter, kinds.gauge].map((size) => size.bytesPerPoint.toFixed(3))
    const headers = (headerBytes / all.points).toFixed(3)
    console.log(`  ${samplesPerBlock}: ${all.bytesPerPoint.toFixed(3)} (${parts.join(', ')}; ${headers})`)
  }
}

for (const samplesPerBlock of [360, 1800]) {
  console.log(`blocks of ${samplesPerBlock}: bytes a point, million points a second encoded, decoded`)
  for (const kind of kinds) {
    const race = prepareRace(makeSeries(kind, 180_000), samplesPerBlock)
    const [encoded, decoded] = [race.encode, race.decode].map((work) => measureSpeed(work, race.points) / 1e6)
    const size = (race.bytes / race.points).toFixed(3)
    console.log(`  ${kind}: ${size}, ${encoded?.toFixed(0)}, ${decoded?.toFixed(0)}`)
  }
}
