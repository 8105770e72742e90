import { bench, describe } from 'vitest'
import { SampleWindow } from '#controller/window/window.ts'
import type { WindowSeries } from '#controller/window/window-series.ts'
import { windowTarget } from '#controller/window/window-target.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { decodeSamples } from '#protocol/samples/decoder.ts'
import { encodeBatch } from '#protocol/samples/encoder.ts'
import { HostIngest } from './host-ingest.ts'
import { ingestLimits, newIngestCounters } from './ingest-limits.ts'
import { ModelAgent } from './model-agent.ts'

/** One batch of this many samples, one of each series, an iteration: times the rate gives samples a second on one core. */
const seriesCount = 1000
const storeId = 'bench'

interface Bench {
  readonly host: HostIngest<WindowSeries>
  next: number
}

function open(): Bench {
  const window = new SampleWindow({ windowMs: 900_000, samplesMax: 1_000_000, seriesMax: 100_000 })
  const target = windowTarget(window, { tenant: 'main', cloud: 'home', host: 'web' }, systemClock)
  const host = new HostIngest<WindowSeries>({ limits: ingestLimits, counters: newIngestCounters() }, target)
  const agent = new ModelAgent(storeId, seriesCount, Number.MAX_SAFE_INTEGER)
  host.take(agent.dictionary(0, seriesCount - 1), 0)
  return { host, next: 1 }
}

function columnsFrom(from: number): Parameters<typeof encodeBatch>[1] {
  return {
    from,
    to: from + seriesCount - 1,
    seriesIds: Uint32Array.from({ length: seriesCount }, (_, i) => i),
    timestampsMs: new Float64Array(seriesCount).fill(1_700_000_000_000 + from),
    values: Float64Array.from({ length: seriesCount }, (_, i) => ((from + i) % 1000) / 10),
  }
}

describe(`ingest of batches of ${seriesCount} samples`, () => {
  const decoded = open()
  bench('core and window', () => {
    decoded.host.take({ kind: 'batch', storeId, ...columnsFrom(decoded.next) }, 0)
    decoded.next += seriesCount
    decoded.host.takeAcks()
  })

  const wire = open()
  const body = encodeBatch(storeId, columnsFrom(1))
  bench('decoding, core and window', () => {
    const message = decodeSamples(body)
    if (message.kind !== 'batch') return
    wire.host.take({ ...message, ...columnsFrom(wire.next) }, 0)
    wire.next += seriesCount
    wire.host.takeAcks()
  })
})
