/** An order accepted to its container running, beside what the engine takes for a create and a start of such a container in such a network, in turns. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { specForTests } from '#agent/lance/machine-driver.ts'
import { RealStage } from '#agent/lance/real-stage.ts'
import { testImage } from '#agent/lance/runtime/docker-stage.ts'
import type { PrivateEngine } from '#agent/lance/runtime/private-engine.ts'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import { printTable, quantile, type Row } from './report.ts'

const rounds = 20
const network = 'lanista-bench'
const command = ['/bin/sh', '-c', 'trap "exit 0" TERM; sleep 1000 & wait']

export async function benchLanceStart(engine: PrivateEngine): Promise<void> {
  const data = await mkdtemp(join(tmpdir(), 'lanista-bench-lance-'))
  const stage = new RealStage(data, { dockerSocket: engine.socketPath })
  await stage.open()
  const own = await engine.engine.createNetwork({ Name: network, Driver: 'bridge' })
  const [plain, direct, handled]: [number[], number[], number[]] = [[], [], []]
  try {
    for (let i = 0; i < rounds; i++) {
      plain.push(await createAndStart(engine))
      direct.push(await applied(stage, `shop-web-${i}`, {}))
      handled.push(
        await applied(stage, `shop-db-${i}`, { preStart: { commands: [['/bin/sh', '-c', ':']], timeoutMs: 9000 } }),
      )
    }
  } finally {
    await stage.close()
    await own.remove()
    await rm(data, { recursive: true })
  }
  const engineMs = quantile(plain, 0.5)
  const row = (what: string, times: readonly number[]): Row => ({
    what,
    'p50 ms': quantile(times, 0.5).toFixed(0),
    'p90 ms': quantile(times, 0.9).toFixed(0),
    'p50 beyond the engine, ms': (quantile(times, 0.5) - engineMs).toFixed(0),
  })
  printTable(`Order accepted to container running, ${rounds} each in turns`, [
    row('the engine alone: create and start', plain),
    row('an instance without handlers before its start', direct),
    row('an instance with one handler before its start', handled),
  ])
}

async function createAndStart({ engine }: PrivateEngine): Promise<number> {
  const startedAt = performance.now()
  const container = await engine.createContainer({
    Image: testImage,
    Cmd: command,
    HostConfig: { NetworkMode: network },
  })
  await container.start()
  const tookMs = performance.now() - startedAt
  await container.remove({ force: true })
  return tookMs
}

/** Removed again afterwards, which does not count. */
async function applied(stage: RealStage, id: string, handlers: InstanceSpec['lifecycle']): Promise<number> {
  const spec = specForTests({
    id,
    isolation: 'docker',
    image: testImage,
    lifecycle: { start: { commands: [command], timeoutMs: 9000 }, ...handlers },
    startDetector: undefined,
    provides: [],
    requires: [],
  })
  const startedAt = performance.now()
  await stage.order('instance-apply', spec)
  while (!stage.statuses.some((status) => status.id === id && status.state === 'running')) await sleep(1)
  const tookMs = performance.now() - startedAt
  await stage.order('instance-remove', { id })
  return tookMs
}
