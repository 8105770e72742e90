import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type * as z from 'zod'
import { Stage, token } from '#controller/stage.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { applicationShape, applicationsShape, monitorsShape, outcomeShape, plannedShape } from './application-shapes.ts'

let stage: Stage
let url: string

beforeEach(async () => {
  stage = await Stage.open(systemClock)
  url = (await stage.controller()).httpUrl
})
afterEach(async () => {
  await stage[Symbol.asyncDispose]()
})

async function ask(method: string, path: string, body?: string): Promise<{ status: number; text: string }> {
  const headers = {
    authorization: `Bearer ${token}`,
    ...(body === undefined ? {} : { 'content-type': 'application/yaml' }),
  }
  const response = await fetch(`${url}/api/v1${path}`, { method, headers, body: body ?? null })
  return { status: response.status, text: await response.text() }
}

async function answer(shape: z.ZodType, ...request: Parameters<typeof ask>): Promise<unknown> {
  const { status, text } = await ask(...request)
  expect(text).not.toBe('')
  expect(status).toBe(200)
  const value: unknown = JSON.parse(text)
  expect(shape.parse(value)).toEqual(value)
  return value
}

const secret = 'a-signing-key'
const shop = `# our shop
application: shop
components:
  web: { instances: { min: 1, initial: 2, max: 6 }, lifecycle: { start: ./serve.sh } }
monitors:
  cpu: { of: cpu.usage, component: web, function: mean, window: 1m, every: 15s }
rules:
  grow: { when: { every: cpu, above: 60 }, then: { scale: web, by: 1 } }
subscriptions:
  planner: { monitor: cpu, to: { webhook: "http://127.0.0.1:9/x", secret: ${secret} } }
`

describe('applications over HTTP', () => {
  it('are planned, applied once, listed, changed against a generation, and removed', async () => {
    expect(await answer(plannedShape, 'POST', '/applications/shop/plan', shop)).toMatchObject({
      generation: 0,
      plan: { steps: [{ verb: 'create', kind: 'component', name: 'web' }, {}, {}, {}, {}], wanted: [{ to: 2 }] },
    })
    const applied = await answer(outcomeShape, 'PUT', '/applications/shop?generation=0', shop)
    expect(applied).toMatchObject({ generation: 1, is_changed: true })
    const again = await answer(outcomeShape, 'PUT', '/applications/shop', shop)
    expect(again).toMatchObject({ generation: 1, is_changed: false, plan: { steps: [], wanted: [] } })
    expect(await answer(applicationsShape, 'GET', '/applications')).toMatchObject([
      { name: 'shop', generation: 1, components: { web: 2 }, monitors: 2, rules: 1, subscriptions: 1, problem: null },
    ])
    expect(await ask('PUT', '/applications/shop?generation=7', shop)).toMatchObject({ status: 409 })
    const gone = { verb: 'remove', kind: 'component', name: 'web' }
    expect(await answer(outcomeShape, 'DELETE', '/applications/shop?dry=true')).toMatchObject({
      generation: 1,
      is_changed: false,
      plan: { steps: [gone, {}, {}, {}, {}] },
    })
    expect(await answer(outcomeShape, 'DELETE', '/applications/shop')).toMatchObject({
      generation: 0,
      is_changed: true,
    })
    expect(await answer(applicationsShape, 'GET', '/applications')).toEqual([])
    const events = JSON.parse((await ask('GET', '/events?kind=application.*&application=shop')).text) as unknown
    expect(events).toMatchObject([
      { kind: 'application.applied', fields: { generation: 1, created: 5, restarts: [] } },
      { kind: 'application.removed', fields: { generation: 2, removed: 5 } },
    ])
  })

  it('keep the file with its comments and without its secrets, and hand those on', async () => {
    await answer(outcomeShape, 'PUT', '/applications/shop', shop)
    const { text } = await ask('GET', '/applications/shop/file')
    expect(text).toContain('# our shop')
    expect(text).not.toContain(secret)
    const view = await answer(applicationShape, 'GET', '/applications/shop')
    expect(JSON.stringify(view)).not.toContain(secret)
    expect(view).toMatchObject({ versions: [{ generation: 1 }], wanted: { web: 2 } })
    const subscriptions = await ask('GET', '/subscriptions')
    expect(subscriptions.text).toContain('shop.planner')
    expect(subscriptions.text).not.toContain(secret)
    const changed = await answer(
      outcomeShape,
      'PUT',
      '/applications/shop',
      shop.replace('127.0.0.1:9/x', '127.0.0.1:9/y'),
    )
    expect(JSON.stringify(changed)).not.toContain(secret)
    expect((await ask('GET', '/applications/shop/file?generation=1')).text).toContain('127.0.0.1:9/x')
    expect((await ask('GET', '/applications/shop/file')).text).toContain('127.0.0.1:9/y')
  })

  it('take JSON as well', async () => {
    const file = { application: 'watch', monitors: { load: { value: 5 } } }
    expect(await answer(outcomeShape, 'PUT', '/applications/watch', JSON.stringify(file))).toMatchObject({
      plan: { steps: [{ verb: 'create', kind: 'monitor', name: 'load' }] },
    })
  })

  it.each<[string, string, string, string | undefined, number, string]>([
    [
      'a broken file',
      'PUT',
      '/applications/shop',
      'application: shop\ncomponents: { web: {} }',
      400,
      'APPLICATION_INVALID',
    ],
    ['no YAML', 'POST', '/applications/shop/plan', '{', 400, 'APPLICATION_INVALID'],
    ['an empty body', 'PUT', '/applications/shop', '', 400, 'APPLICATION_INVALID'],
    ['another name', 'PUT', '/applications/shpo', shop, 400, 'BODY_INVALID'],
    ['a generation that is no number', 'PUT', '/applications/shop?generation=x', shop, 400, 'QUERY_INVALID'],
    ['more than a mebibyte', 'PUT', '/applications/shop', `${shop}# ${'x'.repeat(1_048_576)}`, 413, 'REQUEST_INVALID'],
    ['an unknown application', 'GET', '/applications/shop', undefined, 404, 'NOT_FOUND'],
    ['an unknown one to remove', 'DELETE', '/applications/shop', undefined, 404, 'NOT_FOUND'],
    ['monitors of an unknown one', 'GET', '/monitors?application=shop', undefined, 404, 'NOT_FOUND'],
  ])('are refused: %s', async (_what, method, path, body, status, code) => {
    const refused = await ask(method, path, body)
    expect(refused.status).toBe(status)
    expect(JSON.parse(refused.text)).toMatchObject({ code })
    expect(await answer(applicationsShape, 'GET', '/applications')).toEqual([])
  })
})

describe('monitors over HTTP', () => {
  it('say where they are computed and what they said last, also those made for rules', async () => {
    await answer(outcomeShape, 'PUT', '/applications/shop', shop)
    const web = await stage.agent('main.home.web')
    web.birth(100)
    web.samples(1, Date.now(), { 'monitor.shop.cpu;instance=web-1': 62.5 })
    while (web.acks.length === 0) await systemClock.sleep(5)
    expect(await answer(monitorsShape, 'GET', '/monitors?application=shop')).toMatchObject([
      {
        name: 'cpu',
        metric: 'monitor.shop.cpu',
        scope: 'host',
        computed: 'on each host',
        of: 'cpu.usage',
        function: 'mean',
        window: '1m',
        every_ms: 15_000,
        rule: null,
        values: [{ host: 'web', cloud: 'home', tags: { instance: 'web-1' }, value: 62.5 }],
      },
      { name: 'grow-1', scope: 'cross-cloud', computed: 'in the controller', rule: 'grow', values: [] },
    ])
  })
})
