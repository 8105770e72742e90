/** How long the copies of a lost host take to be R again: a day of 300 series every 10 s, four agents, R = 3. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { printTable } from './report.ts'
import { RingFleet } from './ring-fleet.ts'

const seriesCount = 300
const stepS = 10
const rounds = 8640
const graceMs = 1000

export async function benchRingRebuild(): Promise<void> {
  await using fleet = await RingFleet.start(4, { copies: 3, graceMs })
  const [lost] = fleet.agents
  if (!lost) throw new Error('the fleet has no agent')
  const samples = seriesCount * rounds
  for (const text of linesOfADay()) if (!lost.socket.write(text)) await once(lost.socket, 'drain')
  const copiedMs = await copiesOf(fleet, lost.host, 2, samples)
  lost.child.kill('SIGKILL')
  const rebuiltMs = await copiesOf(fleet, lost.host, 3, samples)
  printTable('Ring: a lost host, 24 h of 300 series every 10 s of the recorded host', [
    {
      samples,
      'sent to copied twice, s': (copiedMs / 1000).toFixed(1),
      'grace time, s': graceMs / 1000,
      'killed to copied three times, s': (rebuiltMs / 1000).toFixed(1),
    },
  ])
}

/** Waits until so many hosts have all samples of one; how long it took, ms. */
async function copiesOf(fleet: RingFleet, host: string, copies: number, samples: number): Promise<number> {
  const beganAt = performance.now()
  const has = async (): Promise<number> => {
    const row = (await fleet.ring()).find((one) => one.host === host)
    return row?.held_by.filter((holder) => holder.samples >= samples).length ?? 0
  }
  while ((await has()) < copies) {
    if (performance.now() - beganAt > 600_000) throw new Error(`${host} has too few copies after 10 min`)
    await sleep(100)
  }
  return performance.now() - beganAt
}

/** The recorded host's first 300 series, its 10 s steps over and over for a day that ends now; a round at a time. */
function* linesOfADay(): Generator<string> {
  const path = join(process.env['SHARED_DIR'] ?? '../shared', 'traces/host-1s.txt.gz')
  const recorded = new Map<string, string[]>()
  for (const line of gunzipSync(readFileSync(path)).toString().trimEnd().split('\n')) {
    const [name = '', value = ''] = line.split(' ')
    const values = recorded.get(name) ?? []
    recorded.set(name, values)
    values.push(value)
  }
  const series = [...recorded].slice(0, seriesCount)
  const firstS = Math.floor(Date.now() / 1000) - rounds * stepS
  for (let i = 0; i < rounds; i++) {
    yield series
      .map(([name, values]) => `${name} ${values[(i * stepS) % values.length]} ${firstS + i * stepS}\n`)
      .join('')
  }
}
