/** Processor time of metering fifty containers every second: in the reads alone, as they are made in a process that does nothing else. */
import { setTimeout as sleep } from 'node:timers/promises'
import { testImage } from '#agent/lance/runtime/docker-stage.ts'
import type { PrivateEngine } from '#agent/lance/runtime/private-engine.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { instanceSensor, type RunningInstance } from '#sensors/instance.ts'
import { printTable, quantile, type Row } from './report.ts'

const containers = 50
const rounds = 60

export async function benchLanceMetering({ engine }: PrivateEngine): Promise<void> {
  const rows: Row[] = []
  for (const [what, script] of [
    ['do nothing', 'sleep 100000'],
    ['work a little every half second', 'while :; do sleep 0.5; done'],
  ] as const) {
    const pids: number[] = []
    const started = []
    for (let i = 0; i < containers; i++) {
      const container = await engine.createContainer({ Image: testImage, Cmd: ['/bin/sh', '-c', script] })
      started.push(container)
      await container.start()
      pids.push((await container.inspect()).State.Pid)
    }
    rows.push({ [`${containers} containers that`]: what, ...(await measure(pids)) })
    for (const container of started) await container.remove({ force: true })
  }
  printTable('Metering every second', rows)
}

async function measure(pids: readonly number[]): Promise<Row> {
  const running = pids.map(
    (pid, i): RunningInstance => ({
      application: 'shop',
      component: 'web',
      instance: `shop-web-${i}`,
      processes: [pid],
      hasOwnCgroup: true,
    }),
  )
  const sensor = instanceSensor(() => running)
  const allow = { scripts: [], sensorFolders: [] }
  const deps = {
    root: '',
    platform: 'linux',
    clock: systemClock,
    logger: silentLogger,
    intervalMs: 1000,
    allow,
  } as const
  const open = sensor.open(sensor.parse({}), deps)
  const { signal } = new AbortController()
  // warm, as after an hour
  for (let i = 0; i < 300; i++) await open.read(signal)
  const times: number[] = []
  for (let i = 0; i < rounds; i++) {
    await sleep(1000)
    const before = process.cpuUsage()
    await open.read(signal)
    const { user, system } = process.cpuUsage(before)
    times.push((user + system) / 1000)
  }
  await open.close()
  const mean = times.reduce((sum, one) => sum + one, 0) / rounds
  return {
    'CPU ms a read, mean': mean.toFixed(2),
    'p10 / p50': `${quantile(times, 0.1).toFixed(2)} / ${quantile(times, 0.5).toFixed(2)}`,
    '% of a core': (mean / 10).toFixed(2),
  }
}
