/** A generic service with what it runs on in earnest: scripts that outlive their agent, in a directory and in a container. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { InstanceScript } from '#protocol/instances/instance-orders.ts'
import type { Members } from '#protocol/instances/members.ts'
import type { ScriptName, ServiceSpec } from '#protocol/instances/scripts.ts'
import type { Handler, InstanceSpec } from '#protocol/instances/spec.ts'
import { specForTests } from './machine-driver.ts'
import { RealStage } from './real-stage.ts'
import { openTestEngine, type TestEngine, testImage } from './runtime/docker-stage.ts'

const shell = (text: string): Handler => ({ commands: [['/bin/sh', '-c', text]], timeoutMs: 20_000 })
const script = (text: string): { command: string[] } => ({ command: ['/bin/sh', '-c', text, 'sh'] })
const membersOf = (...ids: string[]): Members => ({
  term: 1,
  masterIp: '10.0.0.1',
  list: ids.map((id, i) => ({ id, ip: `10.0.0.${i + 1}`, role: i === 0 ? 'master' : 'node' })),
})

describe.each(['directory', 'docker'] as const)('a service in isolation: %s', (isolation) => {
  let engine: TestEngine | undefined
  let data: string
  let stage: RealStage
  let requests = 0
  const serving = (change: Partial<InstanceSpec> = {}, service: Partial<ServiceSpec> = {}): InstanceSpec =>
    specForTests({
      isolation,
      ...(isolation === 'docker' ? { image: testImage } : {}),
      lifecycle: {
        install: shell('cat $LANISTA_MEMBERS > seen; echo $MY_IP $MY_ROLE $MASTER_IP > role'),
        start: shell('trap "exit 0" TERM; while :; do sleep 1000 & wait $!; done'),
      },
      startDetector: undefined,
      provides: [],
      requires: [],
      members: membersOf('shop-web-1'),
      service: {
        scripts: {
          run: script('echo "ran $*" > ran; until [ -e stop ]; do sleep 0.1; done; exit 7'),
          interrupt: script('echo interrupted > interrupted'),
          cleanup: script('trap "" TERM; sleep 300 & while :; do wait; sleep 1; done'),
          notify: script('cat $LANISTA_MEMBERS > notified'),
        },
        parameters: ['usual'],
        graceMs: 500,
        ...service,
      },
      ...change,
    })
  const read = async (file: string): Promise<string> => {
    const body = { id: 'shop-web-1', command: ['cat', file], timeoutMs: 10_000 }
    const { code, output } = (await stage.order('instance-exec', body)) as { code: number; output: string }
    return code === 0 ? output.trim() : ''
  }
  const touch = (file: string): Promise<unknown> =>
    stage.order('instance-exec', { id: 'shop-web-1', command: ['touch', file], timeoutMs: 10_000 })
  const ask = (action: InstanceScript['action'], parameters?: readonly string[]): Promise<unknown> =>
    stage.order('instance-script', { id: 'shop-web-1', action, request: `r${++requests}`, parameters })
  /** Until a script is as told: `running`, or stopped with a code. */
  const until = (name: ScriptName, how: 'running' | number): Promise<unknown> =>
    stage.until('running', ({ scripts }) => {
      const found = scripts?.[name]
      return how === 'running' ? found?.state === how : found?.state === 'stopped' && found.code === how
    })

  beforeEach(async () => {
    engine = isolation === 'docker' ? await openTestEngine() : undefined
    data = await mkdtemp(join(tmpdir(), 'service-'))
    stage = new RealStage(data, { dockerSocket: engine?.socketPath ?? join(data, 'none.sock') })
    await stage.open()
    await stage.order('instance-apply', serving())
    await until('init', 0)
  })
  afterEach(async () => {
    await stage.order('instance-remove', { id: 'shop-web-1' })
    await stage.close()
    await rm(data, { recursive: true })
    await engine?.close()
  })

  it('knows its members before its init, and is told of others; a script outlives its agent', async () => {
    expect(JSON.parse(await read('seen'))).toEqual(membersOf('shop-web-1').list)
    expect(await read('role')).toBe('10.0.0.1 master 10.0.0.1')
    await ask('run', ['a b', '$c'])
    await until('run', 'running')
    await expect(ask('run')).rejects.toMatchObject({ code: 'SCRIPT_RUNNING' })
    await stage.close()
    await stage.open()
    await until('run', 'running')

    const members = membersOf('shop-web-1', 'shop-web-2')
    await stage.order('instance-apply', serving({ generation: 2, members }))
    const file =
      isolation === 'docker' ? '/lanista/members.json' : join(data, 'instances/shop-web-1/members/members.json')
    await stage.until('running', ({ generation }) => generation === 2)
    await expect.poll(async () => JSON.parse(await read(file))).toEqual(members.list)
    expect(await read('notified')).toBe('')

    await touch('stop')
    await until('run', 7)
    expect(await read('ran')).toBe('ran a b $c')
    await until('notify', 0)
    expect(JSON.parse(await read('notified'))).toEqual(members.list)
  })

  it('ends what is interrupted, and kills what does not end', async () => {
    await expect(ask('interrupt')).rejects.toMatchObject({ code: 'NO_SCRIPT_RUNS' })
    await ask('run')
    await until('run', 'running')
    await ask('interrupt')
    await until('run', 143)
    expect([await read('interrupted'), await read('ran')]).toEqual(['interrupted', 'ran usual'])

    await ask('cleanup')
    await until('cleanup', 'running')
    await ask('interrupt')
    await until('interrupt', 0)
    await ask('interrupt')
    await until('cleanup', 137)
  })

  it('ends what runs before it becomes another', async () => {
    const patient = { graceMs: 60_000 }
    await stage.order('instance-apply', serving({ generation: 2 }, patient))
    await stage.until('running', ({ generation }) => generation === 2)
    await ask('run')
    await until('run', 'running')
    const files = [{ path: 'other', text: 'x', isExecutable: false }]
    await stage.order('instance-apply', serving({ generation: 3, files }, patient))
    await stage.until('running', ({ generation, scripts }) => generation === 3 && scripts?.run?.code === 143)
    expect(await read('other')).toBe('x')
  })
})
