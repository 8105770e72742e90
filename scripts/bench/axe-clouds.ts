/** Merged partials of clouds heard, and cross-cloud monitors evaluated and told, a second of one core: the controller's part without its sockets. */
import { CrossCloud } from '#controller/aggregate/cross-cloud.ts'
import { NewestResults } from '#controller/aggregate/newest-results.ts'
import { ResultOutlet } from '#controller/aggregate/result-outlet.ts'
import { newHostRecord } from '#controller/presence/host-record.ts'
import type { KnownHost } from '#controller/presence/presence-service.ts'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import { ConditionResults } from '#controller/rules/condition-source.ts'
import { partialFor } from '#protocol/aggregation/partial.ts'
import { parseAxe } from '#protocol/monitors/parse.ts'
import { encodePartialMessage } from '#protocol/monitors/partial-message-encoder.ts'
import { type PlannedMonitor, planContext } from '#protocol/monitors/plan.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { printTable, type Row } from './report.ts'

const monitors = 1_000
const clouds = 10
const hosts = 100
const samplesOfHost = 6
const rounds = 5
const everyMs = 10_000
const startMs = 1_700_000_100_000

/** Prints what 1,000 monitors over 10 clouds of 100 hosts take of a controller core. */
export async function benchAxeClouds(): Promise<void> {
  const rows: Row[] = []
  for (const name of ['mean', 'p95']) rows.push(await measure(name))
  printTable(
    `Cross-cloud monitors, ${clouds} clouds of ${hosts} hosts, ${samplesOfHost} samples each in a window`,
    rows,
  )
}

async function measure(name: string): Promise<Row> {
  const each = { of: 'load', function: name, window: '1m', every: '10s', scope: 'cross-cloud' }
  const named = Object.fromEntries(Array.from({ length: monitors }, (_, i) => [`m${i}`, each]))
  const parsed = parseAxe({ monitors: named }, { application: 'shop', components: [] })
  const context = { application: 'shop', monitors: parsed.monitors }
  const clock = new FakeClock(startMs)
  const deps = { clock, logger: silentLogger }
  const outlet = new ResultOutlet(
    'main',
    { host: '_controller', session: 1 },
    {
      bus: { publish: () => undefined },
      conditions: new ConditionResults(),
      subscriptions: { offer: () => undefined },
      recorder: { record: () => undefined },
    },
  )
  let hear: (message: { subject: string; body: Uint8Array }) => void = () => undefined
  await using crossCloud = await CrossCloud.open({ tenant: 'main', session: 1 }, [context], {
    ...deps,
    bus: {
      publish: () => undefined,
      subscribe: (pattern, handler) => {
        hear = handler
        return { pattern, close: () => undefined }
      },
    },
    hosts: () => fleet,
    wantedOf: () => undefined,
    newest: new NewestResults('main', { ...deps, registry: new MemoryRegistryStore() }),
    recall: async () => [],
    onResults: (results) => outlet.tell(results),
    onAlarm: () => undefined,
  })
  const planned = planContext(context).monitors
  let cpu = 0
  let bytes = 0
  for (let round = 1; round <= rounds; round++) {
    const endMs = startMs + round * everyMs
    const messages = messagesOf(planned, name, endMs)
    bytes = messages[0]?.body.length ?? 0
    await clock.advance(endMs + 1 - clock.now())
    const before = process.cpuUsage()
    for (const message of messages) hear(message)
    await clock.advance(500)
    const { user, system } = process.cpuUsage(before)
    cpu += user + system
  }
  const { published, heard } = crossCloud.counters
  if (published < rounds * monitors) throw new Error(`only ${published} windows were published`)
  return {
    function: name,
    'bytes a merged partial': String(bytes),
    'cloud results/s': Math.round((heard * 1e6) / cpu).toLocaleString('en'),
    'monitors/s': Math.round((rounds * monitors * 1e6) / cpu).toLocaleString('en'),
    [`% of a core, ${monitors} monitors every 10 s`]: ((cpu / rounds / (everyMs * 1_000)) * 100).toFixed(1),
  }
}

const fleet: readonly KnownHost[] = Array.from({ length: clouds * hosts }, (_, i) => ({
  record: newHostRecord({ tenant: 'main', cloud: `c${Math.floor(i / hosts)}`, host: `h${i % hosts}` }),
  presence: { state: 'online', session: 1, isDead: false, isBorn: true, heardAtMs: 0, answeredAtMs: 0 },
}))

/** What every cloud says of every monitor: one partial of all its samples. */
function messagesOf(
  planned: readonly PlannedMonitor[],
  name: string,
  windowEndMs: number,
): { subject: string; body: Uint8Array }[] {
  return Array.from({ length: clouds }, (_, cloud) => {
    const partial = partialFor(name)
    for (let host = 0; host < hosts; host++) {
      partial.addPooled(
        Array.from({ length: samplesOfHost }, (_unused, i) => ((host * 37 + i * 11 + cloud) % 1_000) / 10),
      )
    }
    return planned.map(({ monitor, hash }) => {
      const head = {
        hash,
        windowEndMs,
        session: 1,
        by: 'h0',
        revision: 0,
        counted: hosts,
        wanted: hosts,
        isQuiet: false,
      }
      const { body } = encodePartialMessage({ ...head, groups: [{ tags: {}, partial, expected: hosts }] })
      return { subject: `lanista.main.c${cloud}._cloud.merged.shop.${monitor.name}`, body }
    })
  }).flat()
}
