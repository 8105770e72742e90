import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type * as z from 'zod'
import { systemClock } from '#protocol/runtime/clock.ts'
import { connectionShape, healthShape, hostsShape, metricsShape, queryShape, ringShape } from './api/answer-shapes.ts'
import { parseOpenMetrics } from './api/open-metrics-grammar.ts'
import { Stage, type StageAgent, token } from './stage.ts'

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: () => unknown
}

async function get(url: string, authorization: string | undefined = `Bearer ${token}`): Promise<Answer> {
  const response = await fetch(url, { headers: authorization === '' ? {} : { authorization } })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) as unknown }
}

/** Waits for what the controller does in its own time; the test's own time-out is the deadline. */
async function until(fact: () => boolean): Promise<void> {
  while (!fact()) await systemClock.sleep(5)
}

const t0 = 1_700_000_000_000

async function filled(): Promise<{ stage: Stage; url: string; web: StageAgent }> {
  const stage = await Stage.open(systemClock)
  const controller = await stage.controller()
  const web = await stage.agent('main.home.web')
  web.birth(100)
  web.samples(1, t0, { 'cpu.usage': 12.5, 'disk.read;device=sda': 7, 'network.rx': 100, 'network.tx': 20 })
  await until(() => web.acks.length > 0)
  return { stage, url: controller.httpUrl, web }
}

describe('the API', () => {
  it.each<[string, z.ZodType]>([
    ['/api/v1/hosts', hostsShape],
    ['/api/v1/metrics', metricsShape],
    ['/api/v1/metrics?match=disk.*&host=web&cloud=home', metricsShape],
    ['/api/v1/query?match=*.*&last=true', queryShape],
    ['/api/v1/query?match=cpu.usage&from=0&until=now&function=leastSquares', queryShape],
    ['/api/v1/query?match=cpu.usage&function=mean&step=1m', queryShape],
    ['/api/v1/ring?cloud=home', ringShape],
    ['/api/v1/health', healthShape],
    ['/api/v1/connection', connectionShape],
  ])('%s answers JSON of its documented shape', async (path, shape) => {
    const { stage, url } = await filled()
    await using _stage = stage
    const { status, headers, json } = await get(url + path)
    expect(status).toBe(200)
    expect(headers.get('content-type')).toMatch(/^application\/json/)
    const answer = json()
    expect(shape.parse(answer)).toEqual(answer)
    expect(answer).not.toEqual([])
  })

  it('answers the newest sample, the hosts with their vital signs, and the connection', async () => {
    const { stage, url } = await filled()
    await using _stage = stage
    expect((await get(`${url}/api/v1/query?match=disk.read;device=sda&last=true`)).json()).toEqual([
      {
        name: 'disk.read',
        tags: { device: 'sda' },
        host: 'web',
        cloud: 'home',
        tenant: 'main',
        unit: null,
        served_by: '_controller',
        step_ms: null,
        samples: [[t0, 7]],
      },
    ])
    expect((await get(`${url}/api/v1/hosts`)).json()).toMatchObject([
      { id: 'web', state: 'online', vitals: { cpu: 12.5, memory: null, network: 120 } },
    ])
    expect((await get(`${url}/api/v1/connection`)).json()).toEqual({
      broker: 'mqtt://127.0.0.1:1883',
      user: 'operator',
      tenant: 'main',
    })
  })

  it.each([
    ['no authorization', ''],
    ['another token', 'Bearer nonsense'],
  ])('refuses every path with %s', async (_name, authorization) => {
    await using stage = await Stage.open(systemClock)
    const { httpUrl } = await stage.controller()
    for (const path of ['/api/v1/hosts', '/metrics', '/docs', '/openapi.json', '/nowhere']) {
      const { status, headers, json } = await get(httpUrl + path, authorization)
      expect(status).toBe(401)
      expect(headers.get('www-authenticate')).toMatch(/Bearer realm="lanista".*Basic realm="lanista"/)
      expect(json()).toMatchObject({ code: 'UNAUTHORIZED', data: {} })
    }
  })

  it('takes the operator’s user and password too', async () => {
    await using stage = await Stage.open(systemClock)
    const { httpUrl } = await stage.controller()
    const basic = Buffer.from(`operator:${token}`).toString('base64')
    expect((await get(`${httpUrl}/api/v1/hosts`, `Basic ${basic}`)).status).toBe(200)
  })

  it.each([
    ['/api/v1/query', 400, 'QUERY_INVALID', 'match'],
    ['/api/v1/query?match=a&match=b', 400, 'QUERY_INVALID', 'match'],
    ['/api/v1/query?match=a&fucntion=mean', 400, 'QUERY_INVALID', 'fucntion'],
    ['/api/v1/query?match=a&last=maybe', 400, 'QUERY_INVALID', 'last'],
    ['/api/v1/query?match=a&step=1m', 400, 'QUERY_INVALID', 'function'],
    ['/api/v1/query?match=a&last=true&function=mean', 400, 'QUERY_INVALID', 'last'],
    ['/api/v1/query?match=a&from=now&until=-1h', 400, 'QUERY_INVALID', 'from'],
    ['/api/v1/query?match=a&function=avg', 400, 'FUNCTION_UNKNOWN', 'avg'],
    ['/api/v1/query?match=a&function=mean&step=0s', 400, 'STEP_INVALID', 'step'],
    ['/api/v1/query?match=a&function=mean&step=often', 400, 'DURATION_INVALID', 'often'],
    ['/api/v1/query?match=a&from=yesterday', 400, 'TIME_INVALID', 'yesterday'],
    ['/api/v1/query?match=[', 400, 'SELECTOR_INVALID', '['],
    ['/api/v1/hosts?x=1', 400, 'QUERY_INVALID', 'none'],
    ['/api/v1/%zz', 400, 'REQUEST_INVALID', '%zz'],
    ['/api/v2/hosts', 404, 'NOT_FOUND', '/api/v1/hosts'],
  ])('%s is %i %s, naming %s', async (path, status, code, named) => {
    await using stage = await Stage.open(systemClock)
    const { httpUrl } = await stage.controller()
    const answer = await get(httpUrl + path)
    expect(answer.status).toBe(status)
    expect(answer.json()).toEqual({ code, message: expect.stringContaining(named), data: expect.any(Object) })
  })

  it('names the limit of an answer that would be too large', async () => {
    await using stage = await Stage.open(systemClock)
    const { httpUrl } = await stage.controller({ answerSeriesMax: 1 })
    const web = await stage.agent('main.home.web')
    web.samples(1, t0, { a: 1, b: 2 })
    await until(() => web.acks.length > 0)
    for (const path of ['metrics', 'query?match=*']) {
      const { status, json } = await get(`${httpUrl}/api/v1/${path}`)
      expect(status).toBe(413)
      expect(json()).toMatchObject({ code: 'ANSWER_TOO_LARGE', data: { limit: 1, what: 'series' } })
      if (path === 'metrics') expect(json()).toMatchObject({ message: expect.stringContaining('match=') })
    }
  })

  it('refuses other methods and bodies', async () => {
    await using stage = await Stage.open(systemClock)
    const { httpUrl } = await stage.controller()
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const post = await fetch(`${httpUrl}/api/v1/hosts`, { method: 'POST', headers, body: '{}' })
    expect([post.status, await post.json()]).toEqual([404, expect.objectContaining({ code: 'NOT_FOUND' })])
  })

  it.each(['0', '-1', '10001', '1e3', ''])('takes no limit of %j events', async (limit) => {
    await using stage = await Stage.open(systemClock)
    const { httpUrl } = await stage.controller()
    const answer = await get(`${httpUrl}/api/v1/events?limit=${limit}`)
    expect([answer.status, answer.json()]).toEqual([
      400,
      expect.objectContaining({ message: expect.stringContaining('expected a whole number, 1 to 10000') }),
    ])
  })

  it('documents every route, and a page of it that needs nothing from elsewhere', async () => {
    await using stage = await Stage.open(systemClock)
    const { httpUrl } = await stage.controller()
    const document = (await get(`${httpUrl}/openapi.json`)).json() as { paths: Record<string, unknown> }
    expect(Object.keys(document.paths).toSorted()).toEqual([
      '/api/v1/applications',
      '/api/v1/applications/{name}',
      '/api/v1/applications/{name}/components/{component}/scale',
      '/api/v1/applications/{name}/file',
      '/api/v1/applications/{name}/plan',
      '/api/v1/audit',
      '/api/v1/audit/check',
      '/api/v1/code/{application}/{component}',
      '/api/v1/code/{application}/{component}/enable',
      '/api/v1/code/{application}/{component}/versions',
      '/api/v1/code/{application}/{component}/versions/{version}',
      '/api/v1/connection',
      '/api/v1/events',
      '/api/v1/explain',
      '/api/v1/export',
      '/api/v1/health',
      '/api/v1/hosts',
      '/api/v1/hosts/drain',
      '/api/v1/hosts/leave',
      '/api/v1/instances',
      '/api/v1/instances/{id}/exec',
      '/api/v1/instances/{id}/log',
      '/api/v1/instances/{id}/restart',
      '/api/v1/instances/{id}/start',
      '/api/v1/instances/{id}/stop',
      '/api/v1/metrics',
      '/api/v1/monitors',
      '/api/v1/orders',
      '/api/v1/orders/{id}',
      '/api/v1/query',
      '/api/v1/ring',
      '/api/v1/rules',
      '/api/v1/rules/replay',
      '/api/v1/rules/{id}',
      '/api/v1/rules/{id}/dry-run',
      '/api/v1/rules/{id}/pause',
      '/api/v1/rules/{id}/resume',
      '/api/v1/secrets',
      '/api/v1/secrets/rotate',
      '/api/v1/secrets/{name}',
      '/api/v1/services/{application}/{component}',
      '/api/v1/services/{application}/{component}/{script}',
      '/api/v1/store',
      '/api/v1/store/check',
      '/api/v1/store/dump',
      '/api/v1/store/repair',
      '/api/v1/subscriptions',
      '/api/v1/subscriptions/{id}',
      '/api/v1/subscriptions/{id}/secret',
      '/api/v1/subscriptions/{id}/test',
      '/api/v1/tokens',
      '/api/v1/tokens/{name}',
      '/api/v1/upgrades',
      '/api/v1/upgrades/{id}',
      '/metrics',
    ])
    const page = await get(`${httpUrl}/docs`)
    expect(page.headers.get('content-type')).toMatch(/^text\/html/)
    expect(page.text).toContain('GET /api/v1/query')
    expect(page.text).not.toMatch(/<script|src=|url\(/)
  })

  it('writes its own metrics, and the fleet’s when asked, by the grammar', async () => {
    const { stage, url } = await filled()
    await using _stage = stage
    await get(`${url}/nowhere`)
    const own = await get(`${url}/metrics`)
    expect(own.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
    const samples = parseOpenMetrics(own.text)
    expect(samples.get('lanista_controller_ingest_samples_total')).toBe(4)
    expect(samples.get('lanista_controller_hosts{state="online"}')).toBe(1)
    expect(samples.get('lanista_controller_window_samples')).toBe(4)
    expect(samples.get('lanista_controller_http_requests_total{outcome="refused"}')).toBe(1)
    expect(samples.get('lanista_controller_bus_connections_total')).toBe(1)
    const fleet = parseOpenMetrics((await get(`${url}/metrics?fleet=1`)).text)
    const labels = 'cloud="home",host="web",name="disk.read",series="disk.read;device=sda",tag_device="sda"'
    expect(fleet.get(`lanista_sample{${labels}}`)).toBe(7)
  })

  it('is not healthy while the broker is gone', async () => {
    await using stage = await Stage.open(systemClock)
    const { httpUrl } = await stage.controller()
    stage.broker.stop()
    const { status, json } = await get(`${httpUrl}/api/v1/health`)
    expect(status).toBe(503)
    expect(healthShape.parse(json())).toMatchObject({ status: 'degraded', broker: 'down' })
  })
})

describe('a controller', () => {
  it('started again lists its hosts and takes no sample twice', async () => {
    await using stage = await Stage.open(systemClock)
    const first = await stage.controller()
    const web = await stage.agent('main.home.web')
    web.birth(100)
    web.samples(1, t0, { a: 1 })
    await until(() => web.acks.length > 0)
    await first.close()
    await first.close()

    const second = await stage.controller()
    expect(second.hosts()).toMatchObject([{ id: 'web', state: 'unknown', session: 100 }])
    web.acks.length = 0
    web.samples(1, t0, { a: 1 })
    web.samples(2, t0 + 1, { a: 2 })
    await until(() => web.acks.some((ack) => ack.ranges.some((range) => range.to === 2)))
    const answer = await get(`${second.httpUrl}/api/v1/query?match=a`)
    expect(answer.json()).toMatchObject([{ samples: [[t0 + 1, 2]] }])
  })

  it('names the folder that another one has', async () => {
    await using stage = await Stage.open(systemClock)
    await stage.controller()
    await expect(stage.controller()).rejects.toMatchObject({
      code: 'DATA_DIR_LOCKED',
      message: expect.stringContaining(stage.dataDir),
    })
  })

  it('names the folder that it cannot write', async () => {
    await using stage = await Stage.open(systemClock)
    const file = join(stage.dataDir, 'file')
    await writeFile(file, '')
    await expect(stage.controller({ dataDir: file })).rejects.toMatchObject({ code: 'DATA_DIR_UNWRITABLE' })
  })

  it('names the port that is taken and the flag that changes it, and leaves nothing open', async () => {
    await using stage = await Stage.open(systemClock)
    const squatter = createServer()
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve))
    const address = squatter.address()
    const port = typeof address === 'object' && address ? address.port : 0
    await expect(stage.controller({ httpPort: port })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringMatching(new RegExp(`--http-port.*${port}`)),
    })
    await new Promise((resolve) => squatter.close(resolve))
    await stage.controller({ httpPort: port })
  })

  it('names every option that is wrong, and no secret', async () => {
    await using stage = await Stage.open(systemClock)
    const wrong = { httpPort: 70_000, operatorToken: 'short', windowMs: 5 }
    await expect(stage.controller(wrong)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/^(?!.*short).*httpPort.*operatorToken.*windowMs/),
    })
  })
})
