import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ModelAgent } from '#controller/instances/model-agent.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { CliStage, type Ran } from './cli-stage.ts'
import { type ExplainedAnswer, explainedText, type InstanceAnswer, instancesText } from './instance-answers.ts'

const instance: InstanceAnswer = {
  id: 'shop-web-1',
  name: 'shop/web-1',
  cloud: 'home',
  host: 'h1',
  state: 'waiting',
  wanted: 'running',
  generation: 3,
  host_generation: 2,
  restarts: 1,
  since_ms: 1_700_000_000_000,
  endpoints: { http: { public: '1.2.3.4:80', cloud: '10.0.0.1:80' } },
  why: 'waits for a peer of sql\u001b[2J',
  next: 'its host is told generation 3',
}

describe('instances as text', () => {
  it('are a table with their farthest endpoints, and nothing that a terminal would obey', () => {
    expect(instancesText([{ ...instance, wanted: 'removed' }], 1_700_000_005_000)).toBe(
      [
        'INSTANCE    HOST  CLOUD  STATE                   SINCE  RESTARTS  ENDPOINTS        WHY\n',
        'shop/web-1  h1    home   waiting, to be removed     5s         1  http=1.2.3.4:80  waits for a peer of sql?[2J\n',
      ].join(''),
    )
  })

  it('are explained: wanted, seen, what is waited for, and each with its next step', () => {
    const explained: ExplainedAnswer = {
      application: 'shop',
      component: 'web',
      wanted: 2,
      min: 1,
      max: 4,
      seen: { waiting: 1 },
      waits: ['a host for one more instance: none of 1 can have it'],
      rejected: [{ host: 'main.home.h1', reasons: ['it is drained', 'shop-web-1 has port 80'] }],
      code: null,
      instances: [instance],
    }
    expect(explainedText(explained).split('\n')).toEqual([
      'shop/web',
      '  wanted  2 (1 to 4)',
      '  seen    1 waiting',
      '  waits   for a host for one more instance: none of 1 can have it',
      '  not on  main.home.h1: it is drained; shop-web-1 has port 80',
      '  shop/web-1 on home.h1: waiting, generation 2, to be 3',
      '    why   waits for a peer of sql?[2J',
      '    next  its host is told generation 3',
      '',
    ])
  })
})

describe('the commands', () => {
  let cli: CliStage
  let agent: ModelAgent

  beforeEach(async () => {
    cli = await CliStage.open()
    agent = await ModelAgent.join(cli.stage, 'main.home.h1')
    agent.born(100)
    const file = join(cli.folder, 'shop.yaml')
    writeFileSync(file, 'application: shop\ncomponents: { web: { instances: { max: 3 }, lifecycle: { start: x } } }\n')
    await run('apply', file)
    await until(async () => (await run('instances')).text.includes('running'))
  })
  afterEach(async () => {
    await agent.leave()
    await cli[Symbol.asyncDispose]()
  })

  const run = (...args: string[]): Promise<Ran> => cli.run(args)

  /** Waits for what the controller does in its own time; the test's own time-out is the deadline. */
  async function until(fact: () => Promise<boolean>): Promise<void> {
    while (!(await fact())) await systemClock.sleep(20)
  }

  it('scale, explain, stop, start, restart and run commands', async () => {
    expect(await run('scale', 'shop/web', '+2')).toMatchObject({ code: 0, text: 'shop/web 1 → 3 wanted\n' })
    expect(await run('scale', 'shop/web', '-1')).toMatchObject({ code: 0, text: 'shop/web 3 → 2 wanted\n' })
    expect(await run('scale', 'shop/web', '=2')).toMatchObject({ code: 0, text: 'shop/web 2 wanted already\n' })
    expect(await run('scale', 'shop/web', '9')).toMatchObject({ code: 2 })
    expect(await run('scale', 'shop', 'many')).toMatchObject({ code: 2 })
    await until(async () => (await run('explain', 'shop/web')).text.includes('2 running'))
    expect(await run('explain', 'shop/nothing')).toMatchObject({ code: 2 })
    const stopping = { code: 0, text: 'shop/web-1 stopping; it was running\n' }
    expect(await run('stop', 'shop/web-1')).toMatchObject(stopping)
    await until(async () => (await run('explain', 'shop/web-1')).text.includes(': stopped'))
    expect(await run('stop', 'shop/web-1')).toMatchObject({ text: 'shop/web-1 stopped already\n' })
    const starting = { code: 0, text: 'shop/web-1 starting; it was stopped\n' }
    expect(await run('start', 'shop/web-1')).toMatchObject(starting)
    expect(await run('restart', 'shop/web-1')).toMatchObject({ code: 0, text: expect.stringContaining('restarting') })
    const ran = await run('exec', 'shop/web-1', '--', 'ls', '-l')
    expect(ran).toEqual({ code: 1, text: 'hi\n', notes: ['lanista: the command did not succeed: exit code 3'] })
    expect(await run('exec', 'shop/web-1')).toMatchObject({ code: 2 })
    const long = await run('exec', '--timeout', '20m', 'shop/web-1', '--', 'ls')
    expect(long).toMatchObject({ code: 2, notes: ['give another timeout: found 20m, expected at most 10m'] })
  })

  it('of no application, and of no host, are a mistake', async () => {
    expect(await run('instances', '--application', 'shop', '--host', 'h1')).toMatchObject({ code: 0 })
    expect(await run('instances', '--application', 'shpo')).toMatchObject({
      code: 1,
      notes: ['name another: found no shpo, expected one of shop'],
    })
    expect(await run('instances', '--host', 'h9')).toMatchObject({
      code: 1,
      notes: ['name another host: found "h9", expected h1?'],
    })
  })

  it('no upgrade yet is said', async () => {
    expect(await run('hosts', 'upgrades')).toMatchObject({ code: 0, text: 'no upgrade yet\n' })
  })

  it('drain says what is still there, and that it may have instances again', async () => {
    expect(await run('drain', 'h1', '--no-wait')).toMatchObject({
      code: 0,
      text: 'home.h1 drained: shop-web-1 still there\n',
    })
    await until(async () => (await run('explain', 'shop/web')).text.includes('h1: it is drained'))
    expect(await run('drain', 'h1', '--cancel')).toMatchObject({ code: 0, text: 'home.h1 may have instances\n' })
    expect(await run('drain', 'h9')).toMatchObject({ code: 2 })
  })

  it('remove waits until nothing is left', async () => {
    expect(await run('remove', 'shop')).toMatchObject({ code: 0 })
    expect(agent.specs.size).toBe(0)
    expect((await run('instances', '--json')).text).toBe('[]\n')
  })
})
