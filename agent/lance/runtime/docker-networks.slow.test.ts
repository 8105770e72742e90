/** Containers of one application share a network, and its last one takes it away. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { bareSpec } from './bare-spec.ts'
import { labelNames } from './docker-place.ts'
import { DockerRuntime } from './docker-runtime.ts'
import { openTestEngine, type TestEngine, testImage } from './docker-stage.ts'
import { dockerOptions } from './stage-options.ts'

const tenant = `net${process.pid}`
const soon = (): AbortSignal => AbortSignal.timeout(60_000)
let stage: TestEngine
let runtime: DockerRuntime
let folder: string

beforeEach(async () => {
  stage = await openTestEngine()
  folder = await mkdtemp(join(tmpdir(), 'instances-'))
  const options = dockerOptions({
    folder,
    tenant,
    socketPath: stage.socketPath,
    ownAddress: '127.0.0.2',
    cloudAddress: '127.0.0.2',
  })
  runtime = await DockerRuntime.open(options, { clock: systemClock, logger: silentLogger })
})

afterEach(async () => {
  for (const { id } of await runtime.list(soon())) await runtime.destroy(id, soon())
  await runtime[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
  await stage.close()
})

async function networks(): Promise<string[]> {
  const filters = { label: [`${labelNames.tenant}=${tenant}`] }
  return (await stage.engine.listNetworks({ filters })).map(({ Name }) => Name).toSorted()
}

/** Runs a script; its own address. */
async function running(
  id: string,
  application: string,
  script: string,
  ports: InstanceSpec['provides'] = [],
): Promise<string | undefined> {
  const spec = bareSpec({ id, application, isolation: 'docker', image: testImage, provides: ports })
  await runtime.prepare(spec, undefined, soon())
  return (await runtime.start(id, ['/bin/sh', '-c', script], { environment: {} }, soon())).address
}

/** Below those that the kernel gives away. */
const port = 20_000 + (process.pid % 10_000)
const http = [{ name: 'http', port, protocol: 'tcp', isPublic: true }] as const
const serve = `(while :; do echo hidden | nc -l -p 9090; done) & while :; do echo provided | nc -l -p ${port}; done`

/** What a container hears at an address. */
async function asked(id: string, host: string | undefined, port: number): Promise<string> {
  const command = ['/bin/sh', '-c', `nc -w 2 ${host} ${port} </dev/null || echo nobody`]
  const { output } = await runtime.run(id, command, { environment: {}, timeoutMs: 20_000 }, soon())
  return output.trim().split('\n').at(-1) ?? ''
}

it('reaches its own application whole, of another only what that provides', async () => {
  const shop = await running('shop-web-1', 'shop', serve, http)
  await running('shop-job-1', 'shop', 'sleep 1000')
  await running('other-job-1', 'other', 'sleep 1000')
  expect(await networks()).toEqual([`lanista-${tenant}-host-1-other`, `lanista-${tenant}-host-1-shop`])

  expect(await asked('shop-job-1', shop, 9090)).toBe('hidden')
  expect(await asked('other-job-1', shop, 9090)).toBe('nobody')
  expect(await asked('other-job-1', shop, port)).toBe('nobody')

  await runtime.destroy('other-job-1', soon())
  await runtime.destroy('shop-web-1', soon())
  expect(await networks()).toEqual([`lanista-${tenant}-host-1-shop`])
  await runtime.destroy('shop-job-1', soon())
  expect(await networks()).toEqual([])
})

it('publishes a public port on the address of its host alone', async () => {
  await running('shop-web-1', 'shop', serve, http)
  const { NetworkSettings } = await stage.engine.getContainer(`lanista-${tenant}-shop-web-1`).inspect()
  expect(NetworkSettings.Ports[`${port}/tcp`]).toEqual([{ HostIp: '127.0.0.2', HostPort: String(port) }])
})
