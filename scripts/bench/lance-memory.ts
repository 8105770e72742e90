/** What one agent weighs, and costs, with fifty instances that do nothing: in directories, in Docker. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { testImage } from '#agent/lance/runtime/docker-stage.ts'
import type { PrivateEngine } from '#agent/lance/runtime/private-engine.ts'
import { type Fleet, startFleet } from './fleet.ts'
import { agentPid, cpuSeconds, memoryMib } from './footprint.ts'
import { printTable, type Row } from './report.ts'

const run = promisify(execFile)
const instances = 50
const restMs = 15_000
const measuredMs = 60_000

export async function benchLanceMemory(engine: PrivateEngine): Promise<void> {
  const rows = [await measure(undefined, engine)]
  for (const isolation of ['directory', 'docker'] as const) rows.push(await measure(isolation, engine))
  printTable(`One agent with ${instances} instances, default sensors every 10 s, embedded broker`, rows)
}

async function measure(isolation: 'directory' | 'docker' | undefined, engine: PrivateEngine): Promise<Row> {
  const folder = await mkdtemp(join(tmpdir(), 'lanista-bench-shop-'))
  await using fleet = await startFleet('embedded', [], engine.socketPath)
  const pid = await agentPid(fleet.ready.http, fleet.ready.operator.password)
  const startedAt = performance.now()
  if (isolation) {
    const file = join(folder, 'shop.yaml')
    await writeFile(file, application(isolation))
    await lanista(fleet, 'apply', file)
    while ((await running(fleet)) < instances) await sleep(250)
  }
  const tookS = ((performance.now() - startedAt) / 1000).toFixed(1)
  await sleep(restMs)
  const before = cpuSeconds(pid)
  await sleep(measuredMs)
  const row = {
    instances: isolation ?? 'none',
    'all running after, s': isolation ? tookS : '',
    'RSS MiB': memoryMib(pid, 'VmRSS').toFixed(1),
    '% of a core': (((cpuSeconds(pid) - before) / (measuredMs / 1000)) * 100).toFixed(2),
  }
  if (isolation) {
    // its own patience may be over before fifty are gone
    await lanista(fleet, 'remove', 'shop').catch(() => '')
    while ((await listed(fleet)).length > 0) await sleep(250)
  }
  await rm(folder, { recursive: true })
  return row
}

function application(isolation: 'directory' | 'docker'): string {
  const image = isolation === 'docker' ? `image: ${testImage}, ` : ''
  const counts = `{ min: ${instances}, initial: ${instances}, max: ${instances} }`
  const web = `{ instances: ${counts}, isolation: ${isolation}, ${image}lifecycle: { start: "sleep 100000" } }`
  return `application: shop\ncomponents:\n  web: ${web}\n`
}

async function listed(fleet: Fleet): Promise<readonly { readonly state: string }[]> {
  return JSON.parse(await lanista(fleet, 'instances')) as readonly { readonly state: string }[]
}

async function running(fleet: Fleet): Promise<number> {
  return (await listed(fleet)).filter(({ state }) => state === 'running').length
}

async function lanista(fleet: Fleet, ...words: readonly string[]): Promise<string> {
  const line = ['dist/lanista.mjs', ...words, '--json', '--controller', fleet.ready.http]
  return (await run(process.execPath, line, { env: fleet.env })).stdout
}
