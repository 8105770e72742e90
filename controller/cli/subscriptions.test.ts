import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { subscriptionsShape } from '#controller/api/subscription-shapes.ts'
import { signatureOf } from '#controller/subscriptions/signature.ts'
import { CliStage } from './cli-stage.ts'

interface Scene extends AsyncDisposable {
  readonly cli: CliStage
  readonly hookUrl: string
  /** Bodies and signatures the hook heard. */
  readonly heard: (readonly [body: string, signature: string | undefined])[]
  /** Runs `lanista subscriptions …`: exit code, stdout, what stderr says. */
  run(...args: readonly string[]): Promise<readonly [code: number, out: string, notes: string]>
}

async function open(): Promise<Scene> {
  const cli = await CliStage.open()
  const heard: Scene['heard'] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (piece: Buffer) => {
      body += piece.toString()
    })
    request.on('end', () => {
      heard.push([body, request.headers['lanista-signature']?.toString()])
      response.end()
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  const hookUrl = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/hook`
  const run: Scene['run'] = async (...args) => {
    const { code, text, notes } = await cli.run(['subscriptions', ...args])
    return [code, text, notes.join('\n')]
  }
  return {
    cli,
    hookUrl,
    heard,
    run,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await cli[Symbol.asyncDispose]()
    },
  }
}

test('a webhook is made, tried, listed, hears what a host sends, and is ended', async () => {
  await using scene = await open()
  const { run, heard, hookUrl, cli } = scene
  const secretFile = join(cli.folder, 'secret')
  await writeFile(secretFile, 'a-signing-key\n')
  const add = ['add', 'planner', '--match', 'shop.*', 'cpu.*', '--above', '10', '--webhook', hookUrl]
  expect(await run(...add, '--secret-file', secretFile)).toEqual([0, 'planner created\n', ''])
  expect(await run(...add)).toEqual([0, 'planner unchanged\n', ''])
  expect(await run('test', 'planner')).toEqual([0, expect.stringMatching(/^delivered in \d+ ms\n$/), ''])

  const agent = await cli.stage.agent('main.home.web-1')
  agent.samples(1, 1_700_000_000_000, { 'shop.orders': 42, 'cpu.usage': 5, 'disk.free': 99 })
  await expect.poll(() => heard.length, { timeout: 5000 }).toBe(2)
  const [body, signature] = heard[1] ?? ['', '']
  expect(JSON.parse(body)).toEqual([
    {
      id: expect.stringMatching(/^\d+\.1-1$/),
      timestamp: 1_700_000_000_000,
      data: {
        subscription: 'planner',
        metric: 'shop.orders',
        tags: {},
        tenant: 'main',
        cloud: 'home',
        host: 'web-1',
        scope: 'host',
        value: 42,
      },
    },
  ])
  const [, t = ''] = /^t=(\d+)/.exec(signature ?? '') ?? []
  expect(signature).toBe(signatureOf('a-signing-key', body, Number(t) * 1000))

  const [code, out] = await run('list', '--json')
  expect(code).toBe(0)
  expect(out).not.toContain('a-signing-key')
  expect(subscriptionsShape.safeParse(JSON.parse(out)).error).toBeUndefined()
  expect(JSON.parse(out)).toMatchObject([
    { id: 'planner', match: ['shop.*', 'cpu.*'], above: 10, to: { webhook: hookUrl }, has_secret: true, delivered: 1 },
  ])
  expect((await run())[1]).toMatch(
    /^SUBSCRIPTION +MATCH +TO .*\nplanner +shop\.\* cpu\.\* +webhook http:\S+ +delivering +1 +0 +0 +0\n$/,
  )
  expect(await run('remove', 'planner')).toEqual([0, 'planner removed\n', ''])
  expect(await run('remove', 'planner')).toEqual([
    2,
    '',
    'name another subscription: found "planner", expected one of none',
  ])
})

test('mistakes are named, and 2 is the exit code', async () => {
  await using scene = await open()
  const { run, cli } = scene
  const add = ['add', 'mine', '--match', 'cpu.*']
  expect(await run(...add)).toEqual([
    2,
    '',
    'correct the subscription: to: expected bus, or one of bus, webhook, carbon, influx, remoteWrite, found nothing',
  ])
  expect(await run(...add, '--bus', '--above', 'much')).toEqual([
    2,
    '',
    'give above a number: found "much", expected one like 60 or 0.5',
  ])
  expect((await run(...add, '--bus', '--carbon', 'a:2003'))[2]).toMatch(
    /^correct the subscription: to: .*found bus, carbon/,
  )
  expect((await run(...add, '--webhook', 'http://a/', '--secret-file', join(cli.folder, 'none')))[2]).toMatch(
    /^name a file that can be read with --secret-file: found ENOENT/,
  )
  expect(await run('add', 'shop.mine', '--match', 'a', '--bus')).toEqual([
    2,
    '',
    'change the file of the application shop and apply it: found its subscription "shop.mine", expected one of no application',
  ])
  expect((await run('secret', 'none', '--secret-file', '/dev/null'))[2]).toMatch(/^name another subscription/)
})

test('a sink that does not take its trial is told with 1', async () => {
  await using scene = await open()
  const { run } = scene
  await run('add', 'dead', '--match', 'cpu.*', '--carbon', '127.0.0.1:1', '--tags')
  expect(await run('test', 'dead')).toEqual([1, expect.stringMatching(/^not delivered: .*ECONNREFUSED/), ''])
})
