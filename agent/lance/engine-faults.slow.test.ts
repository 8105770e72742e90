/** An engine that goes away under what runs on it, and registries that want a log-in: with an engine of our own, and Debian's registry. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Handler, InstanceSpec } from '#protocol/instances/spec.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { specForTests } from './machine-driver.ts'
import { RealStage } from './real-stage.ts'
import { bareSpec } from './runtime/bare-spec.ts'
import { DockerRuntime } from './runtime/docker-runtime.ts'
import { testImage } from './runtime/docker-stage.ts'
import { PrivateEngine } from './runtime/private-engine.ts'
import type { RegistryLogin } from './runtime/runtime-options.ts'
import { dockerOptions } from './runtime/stage-options.ts'
import { TestRegistry } from './runtime/test-registry.ts'

const soon = (): AbortSignal => AbortSignal.timeout(60_000)
const shell = (text: string): Handler => ({ commands: [['/bin/sh', '-c', text]], timeoutMs: 20_000 })

let engine: PrivateEngine
let data: string

beforeAll(async () => {
  engine = await PrivateEngine.open('--live-restore')
})
afterAll(() => engine.close())
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'engine-faults-'))
})
afterEach(async () => {
  expect(await engine.engine.listContainers({ all: true })).toEqual([])
  await rm(data, { recursive: true })
})

describe('what runs while its engine is away', () => {
  let stage: RealStage
  const id = 'shop-web-1'
  const serving = specForTests({
    isolation: 'docker',
    image: testImage,
    lifecycle: { install: shell(':'), start: shell('echo x >> /starts; trap "exit 0" TERM; sleep 1000 & wait') },
    startDetector: undefined,
    provides: [],
    requires: [],
    restart: { on: 'failure', backoffMinMs: 100, backoffMaxMs: 1000, restartsMax: 5, windowMs: 60_000 },
  })
  const starts = async (): Promise<unknown> => {
    const command = ['/bin/sh', '-c', 'cat /starts']
    return stage.order('instance-exec', { id, command, timeoutMs: 10_000 })
  }

  beforeEach(async () => {
    stage = new RealStage(data, { dockerSocket: engine.socketPath })
    await stage.open()
    await stage.order('instance-apply', serving)
    await stage.until('running')
  })
  afterEach(async () => {
    await stage.order('instance-remove', { id })
    await stage.close()
  })

  it.each<[string, () => Promise<() => Promise<void>>]>([
    [
      'whose socket is gone for half a minute',
      async () => {
        const restore = await engine.hideSocket()
        return () => delay(30_000).then(restore)
      },
    ],
    [
      'that is restarted and leaves its containers alone',
      async () => {
        await engine.stop('SIGTERM')
        return () => engine.start('--live-restore')
      },
    ],
    [
      'that is killed, and the agent with it',
      async () => {
        await engine.stop('SIGKILL')
        await stage.close()
        await stage.open()
        return () => engine.start('--live-restore')
      },
    ],
  ])('is unknown, and then the same again: an engine %s', async (_, leave) => {
    const [before] = stage.statuses
    const comeBack = await leave()
    await stage.until('unknown')
    await comeBack()
    const after = await stage.until('running')
    expect([after.runtime, after.restarts]).toEqual([before?.runtime, 0])
    // an engine that has just come back may not run commands at once
    await expect.poll(starts, { timeout: 20_000 }).toMatchObject({ output: 'x\n' })
  })

  it('is started again where the engine ended it', async () => {
    await engine.stop('SIGTERM')
    await stage.until('unknown')
    // without its option, an engine ends what it finds running
    await engine.start()
    const after = await stage.until('running', ({ restarts }) => restarts > 0)
    expect(after).toMatchObject({ restarts: 1 })
    await expect.poll(starts, { timeout: 20_000 }).toMatchObject({ output: 'x\nx\n' })
    expect(await engine.engine.listContainers({ all: true })).toHaveLength(1)
  })
})

describe('an image of a registry that wants a log-in', () => {
  const login = { username: 'lance', password: 'secret' }
  let registry: TestRegistry
  let runtime: DockerRuntime | undefined

  beforeAll(async () => {
    registry = await TestRegistry.open(login)
  })
  afterAll(() => registry.close())
  afterEach(async () => {
    for (const { id } of (await runtime?.list(soon())) ?? []) await runtime?.destroy(id, soon())
    await runtime?.[Symbol.asyncDispose]()
  })

  async function open(registries: Readonly<Record<string, RegistryLogin>>): Promise<DockerRuntime> {
    const options = dockerOptions({ folder: data, socketPath: engine.socketPath, tenant: 't', registries })
    runtime = await DockerRuntime.open(options, { clock: systemClock, logger: silentLogger })
    return runtime
  }

  /** What the image of an instance says of itself. */
  async function version(id: string, image: string): Promise<string> {
    const lifecycle: InstanceSpec['lifecycle'] = { install: shell(':') }
    await runtime?.prepare(bareSpec({ id, isolation: 'docker', image, lifecycle }), undefined, soon())
    const command = ['/bin/sh', '-c', 'echo $VERSION']
    return (await runtime?.run(id, command, { environment: {}, timeoutMs: 20_000 }, soon()))?.output ?? ''
  }

  it('is pulled by its tag and by its digest; a tag that has moved is pulled where it is not there yet', async () => {
    await open({ [registry.host]: login })
    const first = await registry.push(engine.engine, 'shop/web:1', 'VERSION=1')
    expect(await version('shop-web-1', `${registry.host}/shop/web:1`)).toBe('1\n')
    const second = await registry.push(engine.engine, 'shop/web:1', 'VERSION=2')
    expect(second).not.toBe(first)
    expect(await version('shop-web-1', `${registry.host}/shop/web:1`)).toBe('1\n')
    expect(await version('shop-web-2', first)).toBe('1\n')
    expect(await version('shop-web-3', `${registry.host}/shop/web:1`)).toBe('2\n')
    expect(await version('shop-web-4', second)).toBe('2\n')
  })

  it.each([
    ['a wrong one is named as that', { ...login, password: 'guess' }, /the log-in of lance refused/],
    ['none is named as that', undefined, /no log-in configured/],
  ])('%s', async (_, given, words) => {
    await registry.push(engine.engine, 'shop/other:1', 'VERSION=1')
    const opened = await open(given ? { [registry.host]: given } : {})
    const spec = bareSpec({ id: 'shop-web-1', isolation: 'docker', image: `${registry.host}/shop/other:1` })
    const refused = opened.prepare(spec, undefined, soon())
    await expect(refused).rejects.toMatchObject({ code: 'REGISTRY_LOGIN', message: expect.stringMatching(words) })
    expect(await opened.list(soon())).toEqual([])
  })
})
