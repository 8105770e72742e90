/** Lance with what it runs on in earnest: rows on the disk, processes of this machine, containers of an engine. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Handler, InstanceSpec } from '#protocol/instances/spec.ts'
import { specForTests } from './machine-driver.ts'
import { preparedKey } from './prepared-image.ts'
import { RealStage } from './real-stage.ts'
import { openTestEngine, type TestEngine, testImage } from './runtime/docker-stage.ts'

const shell = (text: string, timeoutMs = 20_000): Handler => ({ commands: [['/bin/sh', '-c', text]], timeoutMs })

describe.each(['directory', 'docker'] as const)('Lance runs an instance in isolation: %s', (isolation) => {
  let engine: TestEngine | undefined
  let data: string
  let stage: RealStage
  const serving = (change: Partial<InstanceSpec> = {}): InstanceSpec =>
    specForTests({
      isolation,
      ...(isolation === 'docker' ? { image: testImage } : {}),
      lifecycle: {
        install: shell('echo installed > made'),
        start: shell('trap "exit 0" TERM; echo "ready as $INSTANCE_ID"; sleep 1000 & wait'),
        postStop: shell('echo bye'),
      },
      startDetector: { kind: 'log', pattern: 'ready as shop-web-1', intervalMs: 50, timeoutMs: 20_000 },
      provides: [],
      requires: [],
      restart: { on: 'failure', backoffMinMs: 100, backoffMaxMs: 1000, restartsMax: 5, windowMs: 60_000 },
      ...change,
    })
  const run = (text: string): Promise<unknown> =>
    stage.order('instance-exec', { id: 'shop-web-1', command: ['/bin/sh', '-c', text], timeoutMs: 10_000 })

  beforeEach(async () => {
    engine = isolation === 'docker' ? await openTestEngine() : undefined
    data = await mkdtemp(join(tmpdir(), 'lance-'))
    stage = new RealStage(data, { dockerSocket: engine?.socketPath ?? join(data, 'none.sock') })
    await stage.open()
  })
  afterEach(async () => {
    await stage.order('instance-remove', { id: 'shop-web-1' })
    await stage.close()
    expect(await readdir(join(data, 'instances'))).toEqual([])
    await rm(data, { recursive: true })
    await engine?.close()
  })

  it('from its order to its removal, over a restart of the agent', async () => {
    await stage.order('instance-apply', serving())
    const before = await stage.until('running')
    expect(await run('cat made')).toMatchObject({ code: 0, output: expect.stringContaining('installed') })
    await stage.close()
    await stage.open()
    const after = await stage.until('running')
    expect([after.runtime, after.restarts]).toEqual([before.runtime, 0])
  })

  it('is started again after its process was killed', async () => {
    const start = shell('sleep 1000 & echo $! > main; echo "ready as $INSTANCE_ID"; wait $!; exit 3')
    await stage.order('instance-apply', serving({ lifecycle: { start } }))
    await stage.until('running')
    expect(await run('kill -9 $(cat main)')).toMatchObject({ code: 0 })
    await stage.until('running', ({ restarts }) => restarts === 1)
  })

  it('is stopped and started as its newest generation says', async () => {
    await stage.order('instance-apply', serving())
    await stage.until('running')
    await stage.order('instance-apply', serving({ generation: 2, isWanted: false }))
    await stage.until('stopped')
    await stage.order('instance-apply', serving({ generation: 3, environment: { A: 'b' } }))
    await stage.until('running')
    expect(await run('cat made; echo "$A"')).toMatchObject({ code: 0, output: expect.stringMatching(/installed\s+b/) })
  })

  it('keeps what it wrote, over changed files and code, where it runs in a directory', async () => {
    const file = (text: string): Pick<InstanceSpec, 'files'> => ({
      files: [{ path: 'run.sh', text, isExecutable: true }],
    })
    await stage.order('instance-apply', serving(file('first')))
    await stage.until('running')
    expect(await run('echo 41 > stock')).toMatchObject({ code: 0 })
    await stage.order('instance-apply', serving({ generation: 2, ...file('second') }))
    await stage.until('running', ({ generation }) => generation === 2)
    const kept = isolation === 'directory' ? '41' : 'nothing'
    expect(await run('cat run.sh; echo; cat stock 2>/dev/null || echo nothing')).toMatchObject({
      output: expect.stringMatching(`^second\\s+${kept}`),
    })
  })

  it('is prepared once for all instances of its component, where it runs in Docker', async () => {
    const preparing = (id: string): InstanceSpec => {
      const { start } = serving().lifecycle
      const preInstall = shell('echo prepared >> made; echo $INSTANCE_ID > by')
      return serving({ id, startDetector: undefined, lifecycle: { preInstall, ...(start ? { start } : {}) } })
    }
    try {
      await stage.order('instance-apply', preparing('shop-web-2'))
      await stage.until('running')
      await stage.order('instance-apply', preparing('shop-web-1'))
      await stage.until('running', ({ id }) => id === 'shop-web-1')
      const by = isolation === 'docker' ? 'shop-web-2' : 'shop-web-1'
      expect(await run('cat made by')).toMatchObject({ output: `prepared\n${by}\n` })
    } finally {
      for (const id of ['shop-web-1', 'shop-web-2']) await stage.order('instance-remove', { id })
      const image = `lanista-prepared:${preparedKey(preparing('shop-web-1'))}`
      await engine?.engine.getImage(image).remove({ force: true })
    }
  })

  it('says why it could not be installed', async () => {
    const install: Handler = { commands: [['/bin/sh', '-c', 'echo no room >&2; exit 9']], timeoutMs: 5000 }
    await stage.order('instance-apply', serving({ lifecycle: { install, start: shell('sleep 9') } }))
    const { failure } = await stage.until('backoff')
    expect(failure).toMatchObject({ kind: 'INSTALL_FAILED', handler: 'install' })
    expect(failure?.reason).toMatch(/exit code 9: no room/)
  })
})
