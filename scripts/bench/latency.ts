/** Line in at the carbon socket to message at an operator's subscriber, one line at a time, each of its own series. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { openBus } from '#broker/open-bus.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { metricNameOf, parseSubject } from '#protocol/subjects/subject.ts'
import { startFleet } from './fleet.ts'
import { printTable, quantile, type Row } from './report.ts'

const warmup = 200
const rounds = 2000

export async function benchLatency(): Promise<void> {
  const rows: Row[] = []
  for (const broker of ['embedded', 'nats'] as const) rows.push(await measure(broker))
  printTable('Line in at the socket to message at an operator', rows)
}

async function measure(broker: 'embedded' | 'nats'): Promise<Row> {
  await using fleet = await startFleet(broker)
  const [host = '', port = ''] = (fleet.ready.carbon[0] ?? '').split(':')
  const socket = connect(Number(port), host)
  socket.setNoDelay(true)
  await once(socket, 'connect')
  await using bus = openBus(
    {
      url: fleet.ready.broker,
      role: { kind: 'operator', tenant: 'default' },
      credential: { kind: 'password', ...fleet.ready.operator },
      name: 'bench',
    },
    { clock: systemClock, logger: silentLogger },
  )
  await bus.up(AbortSignal.timeout(10_000))
  const waiting = new Map<string, () => void>()
  bus.subscribe('lanista.default.*.*.metric.bench.>', ({ subject }) => {
    waiting.get(metricNameOf(parseSubject(subject)))?.()
  })
  await bus.flush(AbortSignal.timeout(5000))
  const times: number[] = []
  for (let i = 0; i < warmup + rounds; i++) {
    const name = `bench.latency.${i}`
    const start = performance.now()
    const heard = new Promise<void>((resolve) => waiting.set(name, resolve))
    socket.write(`${name} ${i} ${Math.floor(Date.now() / 1000)}\n`)
    await heard
    waiting.delete(name)
    if (i >= warmup) times.push(performance.now() - start)
  }
  socket.destroy()
  const ms = (q: number): string => quantile(times, q).toFixed(2)
  return { broker, lines: rounds, 'p50 ms': ms(0.5), 'p99 ms': ms(0.99), 'max ms': ms(1) }
}
