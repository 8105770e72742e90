import { expect, it } from 'vitest'
import { execShape, explainedShape, instanceShape, scaledShape } from '#controller/api/instance-shapes.ts'
import { Stage, token } from '#controller/stage.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import type { InstanceView } from './instance-view.ts'
import { ModelAgent } from './model-agent.ts'

const file = `
application: shop
components:
  web: { instances: { min: 1, initial: 2, max: 4 }, lifecycle: { start: ./run.sh } }
`

interface Fleet extends AsyncDisposable {
  readonly agents: readonly ModelAgent[]
  ask(method: string, path: string, body?: { type: string; text: string }): Promise<{ status: number; body: unknown }>
  instances(): Promise<readonly InstanceView[]>
  /** Starts the controller again on the same disk. */
  again(): Promise<void>
}

async function fleetOf(hosts: number): Promise<Fleet> {
  const stage = await Stage.open(systemClock)
  let controller = await stage.controller()
  const agents = await Promise.all(
    Array.from({ length: hosts }, (_, i) => ModelAgent.join(stage, `main.home.h${i + 1}`)),
  )
  for (const agent of agents) agent.born(100)
  const ask: Fleet['ask'] = async (method, path, sent) => {
    const headers = { authorization: `Bearer ${token}`, ...(sent ? { 'content-type': sent.type } : {}) }
    const response = await fetch(controller.httpUrl + path, { method, headers, body: sent?.text ?? null })
    return { status: response.status, body: await response.json() }
  }
  return {
    agents,
    ask,
    instances: async () => (await ask('GET', '/api/v1/instances')).body as InstanceView[],
    again: async () => {
      await controller.close()
      controller = await stage.controller()
    },
    [Symbol.asyncDispose]: async () => {
      for (const agent of agents) await agent.leave()
      await stage[Symbol.asyncDispose]()
    },
  }
}

/** Waits for what the controller does in its own time; the test's own time-out is the deadline. */
async function until(fact: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await fact())) await systemClock.sleep(20)
}

async function applied(hosts = 2): Promise<Fleet> {
  const fleet = await fleetOf(hosts)
  expect((await fleet.ask('PUT', '/api/v1/applications/shop', { type: 'application/yaml', text: file })).status).toBe(
    200,
  )
  await until(async () => (await running(fleet)).length === 2)
  return fleet
}

async function running(fleet: Fleet): Promise<string[]> {
  return (await fleet.instances()).filter(({ state }) => state === 'running').map(({ name }) => name)
}

it('an application that is applied runs, each instance on a host of its own', async () => {
  await using fleet = await applied()
  const instances = await fleet.instances()
  expect(instances.map((view) => instanceShape.parse(view))).toEqual(instances)
  expect(instances.map(({ name, host, next }) => [name, host, next])).toEqual([
    ['shop/web-1', 'h1', 'nothing'],
    ['shop/web-2', 'h2', 'nothing'],
  ])
  expect(fleet.agents.map(({ orders }) => orders)).toEqual([
    ['instance-apply shop-web-1'],
    ['instance-apply shop-web-2'],
  ])
})

it('another count makes another instance, and a smaller one takes the newest away', async () => {
  await using fleet = await applied()
  const path = '/api/v1/applications/shop/components/web/scale'
  const { body } = await fleet.ask('POST', `${path}?by=1`)
  expect(scaledShape.parse(body)).toEqual({ application: 'shop', component: 'web', from: 2, to: 3 })
  await until(async () => (await running(fleet)).length === 3)
  expect((await fleet.ask('POST', `${path}?to=9`)).body).toMatchObject({ code: 'COUNT_OUT_OF_BOUNDS' })
  expect((await fleet.ask('POST', `${path}?by=1&to=1`)).status).toBe(400)
  await fleet.ask('POST', `${path}?to=1`)
  await until(async () => (await fleet.instances()).length === 1)
  expect(await running(fleet)).toEqual(['shop/web-1'])
})

it('an instance is stopped, started, restarted and has commands run in it', async () => {
  await using fleet = await applied()
  await fleet.ask('POST', '/api/v1/instances/shop-web-1/stop')
  await until(async () => (await fleet.instances())[0]?.state === 'stopped')
  expect((await fleet.instances())[0]).toMatchObject({ wanted: 'stopped', next: 'nothing' })
  await fleet.ask('POST', '/api/v1/instances/shop%2Fweb-1/start')
  await until(async () => (await running(fleet)).length === 2)
  await fleet.ask('POST', '/api/v1/instances/shop-web-1/restart')
  expect(fleet.agents[0]?.orders).toContain('instance-restart shop-web-1')
  const command = { type: 'application/json', text: '{"command":["id"]}' }
  const { body } = await fleet.ask('POST', '/api/v1/instances/shop-web-1/exec', command)
  expect(execShape.parse(body)).toEqual({ code: 3, signal: null, output: 'hi\n', is_timed_out: false })
  expect(await fleet.ask('POST', '/api/v1/instances/shop-web-7/stop')).toMatchObject({
    status: 404,
    body: {
      message: expect.stringMatching(/found no shop-web-7, expected one of shop\/web-1, shop\/web-2$/) as string,
    },
  })
})

it('a controller that starts again orders nothing that was done', async () => {
  await using fleet = await applied()
  await fleet.again()
  for (const agent of fleet.agents) agent.born(101)
  await until(async () => (await running(fleet)).length === 2)
  await fleet.ask('POST', '/api/v1/applications/shop/components/web/scale?by=1')
  await until(async () => (await running(fleet)).length === 3)
  expect(fleet.agents.map(({ orders }) => orders.length)).toEqual([2, 1])
})

it('what is not known is not decided on, and explained', async () => {
  await using fleet = await applied()
  fleet.agents[1]?.died()
  await until(async () => (await fleet.instances())[1]?.state === 'unknown')
  const { body } = await fleet.ask('GET', '/api/v1/explain?of=shop/web')
  expect(explainedShape.parse(body)).toEqual(body)
  expect(body).toMatchObject({ wanted: 2, seen: { running: 1, unknown: 1 } })
  expect((await fleet.ask('GET', '/api/v1/explain?of=shop/web-2')).body).toMatchObject({
    instances: [{ name: 'shop/web-2', why: 'its host is offline' }],
  })
  await fleet.ask('POST', '/api/v1/applications/shop/components/web/scale?to=4')
  await until(async () => (await running(fleet)).length === 3)
  expect((await fleet.instances()).filter(({ host }) => host === 'h2')).toHaveLength(1)
})

it('a drained host is emptied, and has instances again when that is taken back', async () => {
  await using fleet = await applied()
  await fleet.ask('POST', '/api/v1/hosts/drain?host=h2')
  await until(async () => (await fleet.instances()).every(({ host }) => host === 'h1'))
  expect(fleet.agents[1]?.specs.size).toBe(0)
  expect(await running(fleet)).toEqual(['shop/web-1', 'shop/web-3'])
  await fleet.ask('POST', '/api/v1/hosts/drain?host=h2&cancel=1')
  await fleet.ask('POST', '/api/v1/applications/shop/components/web/scale?by=1')
  await until(async () => (await running(fleet)).length === 3)
  expect(fleet.agents[1]?.specs.size).toBe(1)
})

it('an application that is removed leaves nothing behind', async () => {
  await using fleet = await applied()
  await fleet.ask('DELETE', '/api/v1/applications/shop')
  await until(async () => (await fleet.instances()).length === 0)
  expect(fleet.agents.map(({ specs }) => specs.size)).toEqual([0, 0])
})
