/**
 * `npm run bench [-- AREA …]`: measures what the README quotes and prints it as Markdown, with machine and date. Ratios are
 * against a baseline run in the same call; absolute times mean little on a shared machine.
 */
import { benchAxe } from './bench/axe.ts'
import { benchCarbon } from './bench/carbon.ts'
import { benchFootprint } from './bench/footprint.ts'
import { benchLance } from './bench/lance.ts'
import { benchLatency } from './bench/latency.ts'
import { benchOrders } from './bench/orders.ts'
import { benchRead } from './bench/read.ts'
import { machine } from './bench/report.ts'
import { benchRing } from './bench/ring.ts'
import { benchSamples } from './bench/samples.ts'
import { benchSize } from './bench/size.ts'
import { benchStore } from './bench/store.ts'

const areas: Readonly<Record<string, () => Promise<void>>> = {
  size: benchSize,
  samples: benchSamples,
  carbon: benchCarbon,
  store: benchStore,
  read: benchRead,
  latency: benchLatency,
  ring: benchRing,
  axe: benchAxe,
  orders: benchOrders,
  lance: benchLance,
  footprint: () => benchFootprint(Number(process.env['BENCH_MINUTES'] ?? 5)),
}

const asked = process.argv.slice(2)
const unknown = asked.filter((area) => !(area in areas))
if (unknown.length > 0) {
  process.stderr.write(`bench: choose among ${Object.keys(areas).join(', ')}: found ${unknown.join(', ')}\n`)
  process.exit(2)
}
console.log(`Measured ${machine()}`)
for (const area of asked.length > 0 ? asked : Object.keys(areas)) await areas[area]?.()
