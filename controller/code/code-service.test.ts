import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { codeShape } from '#controller/api/code-routes.ts'
import { ModelAgent } from '#controller/instances/model-agent.ts'
import { Stage, token } from '#controller/stage.ts'
import { textMember, writeTar } from '#protocol/archive/tar-writer.ts'
import { systemClock } from '#protocol/runtime/clock.ts'

const file = `
application: shop
components:
  web: { instances: { min: 1, initial: 2, max: 2 }, lifecycle: { start: ./code/run.sh }, code: { keep: 2 } }
`
const tar = 'application/x-tar'

interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

class CodeStage implements AsyncDisposable {
  readonly stage: Stage
  readonly agents: readonly ModelAgent[]
  #url: string
  #close: () => Promise<void>

  private constructor(stage: Stage, agents: readonly ModelAgent[], url: string, close: () => Promise<void>) {
    this.stage = stage
    this.agents = agents
    this.#url = url
    this.#close = close
  }

  static async open(): Promise<CodeStage> {
    const stage = await Stage.open(systemClock)
    const controller = await stage.controller()
    const agents = await Promise.all(['main.home.h1', 'main.home.h2'].map((id) => ModelAgent.join(stage, id)))
    for (const agent of agents) agent.born(100)
    const opened = new CodeStage(stage, agents, controller.httpUrl, () => controller.close())
    expect((await opened.ask('PUT', 'applications/shop', file, 'application/yaml')).status).toBe(200)
    return opened
  }

  async ask(method: string, path: string, body?: string | Uint8Array<ArrayBuffer>, type = tar): Promise<Answer> {
    const headers = { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': type }) }
    const response = await fetch(`${this.#url}/api/v1/${path}`, { method, headers, body: body ?? null })
    return { status: response.status, body: (await response.json()) as Answer['body'] }
  }

  /** Uploads code with this text; the version's name. */
  async upload(text: string): Promise<string> {
    const parts: Uint8Array[] = []
    for await (const part of writeTar([textMember('run.sh', text, 0o755)])) parts.push(part)
    const path = `code/shop/web/versions?description=${text}`
    const { status, body } = await this.ask('POST', path, Uint8Array.from(Buffer.concat(parts)))
    expect(status).toBe(201)
    return body['id'] as string
  }

  enable(version: string, gate: string): Promise<Answer> {
    return this.ask('POST', `code/shop/web/enable?version=${version}&gate=${gate}`)
  }

  async view(): Promise<Answer['body']> {
    return (await this.ask('GET', 'code/shop/web')).body
  }

  /** Versions that hosts were told to run. */
  told(): string[] {
    return this.agents.flatMap(({ specs }) => [...specs.values()].map(({ code }) => code?.id ?? 'none'))
  }

  /** Starts the controller again on the same disk. */
  async again(): Promise<void> {
    await this.#close()
    const controller = await this.stage.controller()
    this.#url = controller.httpUrl
    this.#close = () => controller.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.agents) await agent.leave()
    await this.stage[Symbol.asyncDispose]()
  }
}

/** Waits for what the controller does in its own time; the test's own time-out is the deadline. */
async function until(fact: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await fact())) await systemClock.sleep(20)
}

const limitMs = 30_000

it('a component waits for its code, and runs what is enabled first at once', { timeout: limitMs }, async () => {
  await using stage = await CodeStage.open()
  const waits = async (): Promise<unknown> => (await stage.ask('GET', 'explain?of=shop/web')).body['waits']
  await until(async () => JSON.stringify(await waits()).includes('lanista code upload shop/web'))
  expect(stage.told()).toEqual([])
  const one = await stage.upload('one')
  expect((await stage.enable(one, '1h')).status).toBe(202)
  await until(() => stage.told().length === 2)
  expect(stage.told()).toEqual([one, one])
  const view = await stage.view()
  expect(codeShape.parse(view)).toEqual(view)
  expect(view).toMatchObject({ current: one, roll_out: null, last: { outcome: 'enabled' } })
})

it('a roll-out goes on when the controller was killed in its middle', { timeout: limitMs }, async () => {
  await using stage = await CodeStage.open()
  const one = await stage.upload('one')
  await stage.enable(one, '0s')
  await until(() => stage.told().length === 2)
  const two = await stage.upload('two')
  await stage.enable(two, '1s')
  await until(() => stage.told().includes(two))
  expect(stage.told().toSorted()).toEqual([one, two].toSorted())
  await stage.again()
  for (const [i, agent] of stage.agents.entries()) agent.born(200 + i)
  await until(async () => (await stage.view())['current'] === two)
  expect(stage.told()).toEqual([two, two])
})

it('versions that run are kept, others go: by hand, with too many, with the application', {
  timeout: limitMs,
}, async () => {
  await using stage = await CodeStage.open()
  const one = await stage.upload('one')
  expect(await stage.upload('one')).toBe(one)
  await stage.enable(one, '0s')
  await until(() => stage.told().length === 2)
  const refused = await stage.ask('DELETE', `code/shop/web/versions/${one}`)
  expect(refused).toMatchObject({ status: 409, body: { code: 'CODE_ACTIVE' } })
  expect(await stage.enable(one, '0s')).toMatchObject({ status: 409, body: { code: 'CODE_ACTIVE' } })
  expect(await stage.enable('ffff', '0s')).toMatchObject({ status: 404, body: { code: 'CODE_UNKNOWN' } })
  expect(await stage.ask('GET', 'code/shop/db')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } })
  const [two, three] = [await stage.upload('two'), await stage.upload('three')]
  const ids = ((await stage.view())['versions'] as { id: string }[]).map(({ id }) => id)
  expect(ids).toEqual([three, one])
  expect(await stage.ask('DELETE', `code/shop/web/versions/${two}`)).toMatchObject({ status: 404 })
  expect((await stage.ask('DELETE', `code/shop/web/versions/${three}`)).status).toBe(200)
  const blobs = (): Promise<string[]> => readdir(join(stage.stage.dataDir, 'blobs'))
  expect(await blobs()).toHaveLength(1)
  expect((await stage.ask('DELETE', 'applications/shop')).status).toBe(200)
  await until(async () => (await blobs()).length === 0)
})

it('an upload that is no archive is refused, naming what was found', { timeout: limitMs }, async () => {
  await using stage = await CodeStage.open()
  const bad = await stage.ask('POST', 'code/shop/web/versions', 'no archive at all '.repeat(100))
  expect(bad).toMatchObject({ status: 400, body: { code: 'CODE_REFUSED' } })
  expect(await stage.ask('POST', 'code/shop/web/versions', '{}', 'application/json')).toMatchObject({
    status: 400,
    body: { code: 'BODY_INVALID' },
  })
  expect((await stage.view())['versions']).toEqual([])
})
