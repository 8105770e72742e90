/** What a real engine and its containers do wrong, and what happens to the agent: each ends in a stated result and leaves nothing behind. */
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { bareSpec } from './bare-spec.ts'
import { containerName, labelNames } from './docker-place.ts'
import { DockerRuntime } from './docker-runtime.ts'
import { openTestEngine, type TestEngine, testImage } from './docker-stage.ts'
import { EngineProxy } from './engine-proxy.ts'
import type { FoundInstance } from './instance-runtime.ts'
import { startAndKillAgent } from './kill-agent.ts'
import { hear } from './runtime-contract.ts'
import type { DockerRuntimeOptions } from './runtime-options.ts'
import { shellCommands } from './shell-commands.ts'
import { dockerOptions } from './stage-options.ts'

const id = 'shop-web-1'
const tenant = `f${process.pid}`
const soon = (): AbortSignal => AbortSignal.timeout(60_000)
const shell = (text: string): readonly string[] => ['/bin/sh', '-c', text]
const briefly = { environment: {}, timeoutMs: 20_000 }
const lifecycle = { install: { commands: [shellCommands.exit(0)], timeoutMs: 1000 } }
const spec = (changes: Partial<InstanceSpec> = {}): InstanceSpec =>
  bareSpec({ id, isolation: 'docker', image: testImage, lifecycle, ...changes })

let stage: TestEngine
let folder = ''
let proxy: EngineProxy
const opened: DockerRuntime[] = []

async function open(changes: Partial<DockerRuntimeOptions> = {}): Promise<DockerRuntime> {
  const options = dockerOptions({ folder: join(folder, 'instances'), socketPath: proxy.socketPath, tenant, ...changes })
  const one = await DockerRuntime.open(options, { clock: systemClock, logger: silentLogger })
  opened.push(one)
  return one
}

async function stateOf(runtime: DockerRuntime): Promise<FoundInstance | undefined> {
  return (await runtime.list(soon())).find((found) => found.id === id)
}

const containers = async (): Promise<readonly string[]> => {
  const filters = { label: [`${labelNames.tenant}=${tenant}`] }
  return (await stage.engine.listContainers({ all: true, filters })).flatMap(({ Names }) => Names)
}

beforeAll(async () => {
  stage = await openTestEngine()
})
afterAll(() => stage.close())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'docker-faults-'))
  proxy = new EngineProxy(join(folder, 'engine.sock'), stage.socketPath)
  await proxy.restore()
})
afterEach(async () => {
  for (const one of opened.splice(0)) {
    for (const found of await one.list(soon())) await one.destroy(found.id, soon())
    await one[Symbol.asyncDispose]()
  }
  await proxy.remove()
  expect(await containers()).toEqual([])
  await rm(folder, { recursive: true })
})

it('an engine whose socket is gone for a while is unavailable, and what runs is running when it is back', async () => {
  const runtime = await open({ listIntervalMs: 200 })
  const { heard } = hear(runtime)
  await runtime.prepare(spec(), undefined, soon())
  const before = await runtime.start(id, shellCommands.serve('x'), { environment: {} }, soon())
  await proxy.remove()
  await expect.poll(() => runtime.isAvailable, { timeout: 10_000 }).toBe(false)
  await expect(runtime.list(soon())).rejects.toMatchObject({ code: 'RUNTIME_UNAVAILABLE' })
  await proxy.restore()
  await expect.poll(() => runtime.isAvailable, { timeout: 10_000 }).toBe(true)
  expect(await stateOf(runtime)).toMatchObject({ state: 'running', detail: before.detail })
  expect(heard).toMatchObject([
    { kind: 'availability', isAvailable: false },
    { kind: 'availability', isAvailable: true },
  ])
})

it('an agent that is born without an engine finds what runs once there is one', async () => {
  const first = await open()
  await first.prepare(spec(), undefined, soon())
  await first.start(id, shellCommands.serve('x'), { environment: {} }, soon())
  await proxy.remove()
  const second = await open({ listIntervalMs: 200 })
  expect(second.isAvailable).toBe(false)
  await second.destroy('shop-never-1', soon())
  await proxy.restore()
  await expect.poll(() => second.isAvailable, { timeout: 10_000 }).toBe(true)
  const ends = hear(second)
  await first.stop(id, 5000, soon())
  await ends.exited(id)
})

it('an end that the engine’s events do not tell is found by the list', async () => {
  proxy.silence = /^GET \/events/
  const runtime = await open({ listIntervalMs: 200 })
  await runtime.prepare(spec(), undefined, soon())
  const ends = hear(runtime)
  await runtime.start(id, shell('sleep 0.3; exit 5'), { environment: {} }, soon())
  expect(await ends.exited(id)).toMatchObject({ exit: { code: 5 } })
})

it('an end is told by the events long before the next list', async () => {
  const runtime = await open({ listIntervalMs: 600_000 })
  await runtime.prepare(spec(), undefined, soon())
  const ends = hear(runtime)
  await runtime.start(id, shell('sleep 0.3; exit 5'), { environment: {} }, soon())
  expect(await ends.exited(id)).toMatchObject({ exit: { code: 5 } })
})

it('a container that somebody removed has ended unseen', async () => {
  const runtime = await open({ listIntervalMs: 200 })
  await runtime.prepare(spec(), undefined, soon())
  const ends = hear(runtime)
  await runtime.start(id, shellCommands.serve('x'), { environment: {} }, soon())
  await stage.engine.getContainer(containerName(tenant, id)).remove({ force: true })
  expect(await ends.exited(id)).toBeDefined()
})

it.each([
  ['that waits', lifecycle, /^POST .*\/kill/],
  ['that needs nothing before', {}, /^POST .*\/start/],
  ['that is made at its start', {}, /^POST .*\/create/],
])('a container %s, started though the answer was lost, is found by the next start', async (_, lifecycle, request) => {
  const runtime = await open()
  await runtime.prepare(spec({ lifecycle }), undefined, soon())
  proxy.loseAnswerOf = request
  const start = (): Promise<FoundInstance> =>
    runtime.start(id, shellCommands.serve('x'), { environment: { A: '1' } }, soon())
  await expect(start()).rejects.toMatchObject({ code: 'RUNTIME_UNAVAILABLE' })
  expect((await start()).state).toBe('running')
  expect(await containers()).toHaveLength(1)
})

it('a place whose making was cut off is of generation 0, and is made whole by the next prepare', async () => {
  const runtime = await open()
  proxy.loseAnswerOf = /^POST .*\/create/
  await expect(runtime.prepare(spec(), undefined, soon())).rejects.toMatchObject({ code: 'RUNTIME_UNAVAILABLE' })
  expect(await stateOf(runtime)).toMatchObject({ generation: 0, state: 'prepared' })
  expect(await runtime.prepare(spec(), undefined, soon())).toMatchObject({ generation: 1, state: 'prepared' })
})

it('an agent killed at once leaves its container running; the next one adopts it', async () => {
  await startAndKillAgent('docker', join(folder, 'instances'), stage.socketPath, tenant, id)
  const next = await open()
  const found = await stateOf(next)
  expect(found).toMatchObject({ generation: 5, state: 'running' })
  const again = await next.start(id, shellCommands.serve('again'), { environment: {} }, soon())
  expect(again.detail).toEqual(found?.detail)
})

it('a container whose page was lost is still ours, by its labels', async () => {
  const runtime = await open()
  await runtime.prepare(spec({ generation: 3 }), undefined, soon())
  await rm(join(folder, 'instances', id), { recursive: true })
  expect(await stateOf(runtime)).toMatchObject({ generation: 3, state: 'prepared' })
})

it('somebody else’s container of our name is not touched, and not listed', async () => {
  const name = containerName(tenant, id)
  const foreign = await stage.engine.createContainer({ name, Image: testImage })
  try {
    const runtime = await open()
    expect(await runtime.list(soon())).toEqual([])
    await expect(runtime.prepare(spec(), undefined, soon())).rejects.toMatchObject({ code: 'NAME_TAKEN' })
    await runtime.destroy(id, soon())
    expect((await foreign.inspect()).State.Status).toBe('created')
  } finally {
    await foreign.remove({ force: true })
  }
})

it('two hosts on one engine see their own containers alone', async () => {
  const [one, other] = [await open(), await open({ host: 'host-2', folder: join(folder, 'other') })]
  await one.prepare(spec(), undefined, soon())
  expect(await other.list(soon())).toEqual([])
})

it('an image that is nowhere to be had is missing, and nothing is left of the try', async () => {
  const runtime = await open()
  const missing = runtime.prepare(spec({ image: '127.0.0.1:1/no/such:image' }), undefined, soon())
  await expect(missing).rejects.toMatchObject({ code: 'IMAGE_MISSING' })
  expect(await runtime.list(soon())).toEqual([])
})

it('a registry is given its log-in', async () => {
  const heard: string[] = []
  const registry: Server = createServer((request, answer) => {
    heard.push(request.headers.authorization ?? '')
    answer.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end()
  })
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve))
  try {
    const host = `127.0.0.1:${(registry.address() as AddressInfo).port}`
    const runtime = await open({ registries: { [host]: { username: 'lance', password: 'secret' } } })
    const pull = runtime.prepare(spec({ image: `${host}/shop/web:1` }), undefined, soon())
    await expect(pull).rejects.toMatchObject({ code: 'REGISTRY_LOGIN' })
    expect(heard).toContain(`Basic ${Buffer.from('lance:secret').toString('base64')}`)
  } finally {
    registry.close()
  }
})

it('an image that needs nothing before its start runs as it is, with its environment, and again', async () => {
  const runtime = await open()
  await runtime.prepare(spec({ lifecycle: {} }), undefined, soon())
  await runtime.start(id, [], { environment: { GREETING: 'hello' } }, soon())
  const said = await runtime.run(
    id,
    shell('tr "\\0" "\\n" </proc/1/environ; tr "\\0" " " </proc/1/cmdline'),
    briefly,
    soon(),
  )
  expect(said.output).toContain('GREETING=hello')
  expect(said.output).toContain('sleep 1000')
  await runtime.stop(id, 10, soon())
  await runtime.start(id, [], { environment: { GREETING: 'again' } }, soon())
  const then = await runtime.run(id, shell('tr "\\0" "\\n" </proc/1/environ'), briefly, soon())
  expect(then.output).toContain('GREETING=again')
})

it('a log that is followed goes on over a restart, without a line lost or repeated', async () => {
  const runtime = await open()
  await runtime.prepare(spec(), undefined, soon())
  const stop = new AbortController()
  const heard: string[] = []
  const follow = async (): Promise<void> => {
    for await (const line of runtime.readLog(id, { lines: 10, isFollowed: true }, stop.signal)) heard.push(line)
  }
  await runtime.start(id, shellCommands.serve('first'), { environment: {} }, soon())
  const following = follow()
  await expect.poll(() => heard, { timeout: 10_000 }).toEqual(['[lanista] start', 'first'])
  await runtime.stop(id, 5000, soon())
  await runtime.start(id, shellCommands.serve('second'), { environment: {} }, soon())
  const all = ['[lanista] start', 'first', '[lanista] start', 'second']
  await expect.poll(() => heard, { timeout: 10_000 }).toEqual(all)
  stop.abort()
  await following
})

it('memory beyond the limit ends it, and that is told apart', async () => {
  const runtime = await open()
  await runtime.prepare(
    spec({ resources: { memoryBytes: 16 * 1024 ** 2, cpus: 0.5, processes: 50 } }),
    undefined,
    soon(),
  )
  const ends = hear(runtime)
  await runtime.start(id, shell('exec tail /dev/zero'), { environment: {} }, soon())
  expect(await ends.exited(id)).toMatchObject({ exit: { signal: 'SIGKILL', isOutOfMemory: true } })
})

it('limits are the container’s', async () => {
  const runtime = await open()
  await runtime.prepare(
    spec({ resources: { memoryBytes: 16 * 1024 ** 2, cpus: 0.5, processes: 50 } }),
    undefined,
    soon(),
  )
  const { HostConfig } = await stage.engine.getContainer(containerName(tenant, id)).inspect()
  expect(HostConfig).toMatchObject({ Memory: 16 * 1024 ** 2, NanoCpus: 500_000_000, PidsLimit: 50 })
})

it('only modelled ports are published: public ones everywhere, others on the cloud’s address', async () => {
  const runtime = await open()
  const provides = [
    { name: 'http', port: 18_393, protocol: 'tcp' as const, isPublic: true },
    { name: 'admin', port: 9000, protocol: 'tcp' as const, isPublic: false },
  ]
  const found = await runtime.prepare(spec({ provides }), undefined, soon())
  const { HostConfig } = await stage.engine.getContainer(containerName(tenant, id)).inspect()
  expect(HostConfig.PortBindings).toEqual({
    '18393/tcp': [{ HostIp: '', HostPort: '18393' }],
    '9000/tcp': [{ HostIp: '127.0.0.1', HostPort: String(found.hostPorts['admin']) }],
  })
  expect(found.address).toMatch(/^\d+\.\d+\.\d+\.\d+$/)
  const answer = 'printf "HTTP/1.0 200 OK\\r\\n\\r\\nhi"'
  await runtime.start(id, shell(`while :; do ${answer} | nc -l -p 18393; done`), { environment: {} }, soon())
  const body = async (): Promise<string> => {
    const response = await fetch('http://127.0.0.1:18393/').catch(() => undefined)
    return (await response?.text().catch(() => '')) ?? ''
  }
  await expect.poll(body, { timeout: 10_000 }).toBe('hi')
})

it('code is unpacked inside; an archive that leads out is refused, and so are volumes that are not allowed', async () => {
  const from = join(folder, 'from')
  await mkdir(join(from, 'lib'), { recursive: true })
  await writeFile(join(from, 'lib', 'run.sh'), '#!/bin/sh\necho "from code"\n', { mode: 0o755 })
  await symlink('lib/run.sh', join(from, 'start'))
  const [good, bad] = [join(folder, 'good.tar.gz'), join(folder, 'bad.tar')]
  execFileSync('tar', ['-czf', good, '-C', from, '.'])
  execFileSync('tar', ['-cPf', bad, '-C', from, '../from/lib'], { stdio: 'ignore' })
  const runtime = await open()
  const code = { id: 'v1', sha256: 'a', bytes: 1 }
  await runtime.prepare(spec({ code }), good, soon())
  expect((await runtime.run(id, ['code/start'], briefly, soon())).output).toBe('from code\n')
  await expect(runtime.prepare(spec({ code: { ...code, sha256: 'b' } }), bad, soon())).rejects.toMatchObject({
    code: 'CODE_REFUSED',
  })
  await expect(runtime.prepare(spec({ volumes: ['/etc:/host'] }), undefined, soon())).rejects.toMatchObject({
    code: 'PATH_REFUSED',
  })
})

it('what has been installed is kept as an image, and the next instance begins with it', async () => {
  const runtime = await open()
  const key = `k${process.pid}`
  expect(await runtime.findPrepared(key, soon())).toBeUndefined()
  await runtime.prepare(spec(), undefined, soon())
  await runtime.run(id, shellCommands.writeFile('installed', 'yes'), briefly, soon())
  await runtime.keepPrepared(id, key, soon())
  const image = await runtime.findPrepared(key, soon())
  try {
    await runtime.prepare(spec({ id: 'shop-web-2', image }), undefined, soon())
    expect((await runtime.run('shop-web-2', shellCommands.printFile('installed'), briefly, soon())).output).toBe(
      'yes\n',
    )
    await runtime.start('shop-web-2', [], { environment: {} }, soon())
    const own = await runtime.run('shop-web-2', shell('tr "\\0" " " </proc/1/cmdline'), briefly, soon())
    expect(own.output).toContain('sleep 1000')
    await runtime.destroy('shop-web-2', soon())
  } finally {
    await stage.engine.getImage(image ?? '').remove({ force: true })
  }
})

it('foreign folders beside the places stay', async () => {
  const runtime = await open()
  await mkdir(join(folder, 'instances', 'foreign'))
  await runtime.destroy('foreign', soon())
  expect(await readdir(join(folder, 'instances'))).toEqual(['foreign'])
})
