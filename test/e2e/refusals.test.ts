/** What cannot work says so in one line that names the thing and the flag, with exit code 2, and leaves nothing running. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { firstLine, type Result, Workspace } from './workspace.ts'

let workspace: Workspace
let taken: Server

beforeEach(async () => {
  workspace = new Workspace()
  taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
})

afterEach(async () => {
  taken.close()
  await workspace.close()
})

/** One clear line: nothing on stdout, no stack, and the words that help. */
function expectRefusal(result: Result, ...words: readonly (string | RegExp)[]): void {
  expect(result.code).toBe(2)
  expect(result.stdout).toBe('')
  const lines = result.stderr
    .trimEnd()
    .split('\n')
    .filter((line) => !line.startsWith('{'))
  expect(lines.length).toBe(1)
  for (const word of words) expect(lines[0]).toMatch(word)
}

function takenPort(): string {
  const address = taken.address()
  return String(typeof address === 'object' && address ? address.port : 0)
}

describe.each(['embedded', 'nats'])('with the broker %s', (broker) => {
  test.each(['--http-port', '--carbon-port', '--broker-port'])('a port in use is named with %s', async (flag) => {
    const result = await workspace.run(...workspace.upFlags('--broker', broker, flag, takenPort()))
    expectRefusal(result, flag, takenPort())
    // nothing holds the folder or runs on: the next one starts
    await workspace.up('--broker', broker)
  })
})

test('a UDP port in use is a carbon port in use', async () => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const port = String(socket.address().port)
  expectRefusal(await workspace.run(...workspace.upFlags('--carbon-port', port)), '--carbon-port', port)
  socket.close()
})

test('a data folder that cannot be one is named with --data', async () => {
  writeFileSync(join(workspace.folder, 'file'), '')
  for (const folder of [join(workspace.folder, 'file'), join(workspace.folder, 'file', 'deep'), '/proc/lanista']) {
    expectRefusal(await workspace.run('up', '--data', folder), '--data', folder)
  }
})

test('a second up on the same folder is told so, and the first goes on', async () => {
  await workspace.up()
  expectRefusal(await workspace.run(...workspace.upFlags()), '--data', workspace.data)
  expect((await workspace.run('hosts')).code).toBe(0)
})

test.runIf(process.platform === 'linux')('an answer that cannot be written is a failure that says why', async () => {
  await workspace.up()
  for (const args of [['hosts'], ['metrics', '--json'], ['--version']]) {
    const { code, stderr } = await workspace.startUnwritable('stdout', ...args).ended
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^lanista: make room where stdout goes: found ENOSPC.*\n$/),
    ])
  }
})

test.runIf(process.platform === 'linux')('a log that cannot be written ends nothing that it tells of', async () => {
  const running = workspace.startUnwritable('stderr', ...workspace.upFlags())
  expect(JSON.parse(await firstLine(running))).toMatchObject({ event: 'ready' })
  running.child.kill('SIGINT')
  expect((await running.ended).code).toBe(0)
})

test('a broker that is not there is named', async () => {
  const result = await workspace.run(
    'up',
    '--data',
    workspace.data,
    '--broker',
    `nats://127.0.0.1:${takenPort()}`,
    '--http-port',
    '0',
    '--carbon-port',
    '0',
  )
  expect(result.code).toBe(1)
  expect(result.stderr).toMatch(/--broker.*--print-nats-config/)
}, 60_000)

test.each([
  [['up', '--hosts', 'many'], '--hosts'],
  [['up', '--hosts', '1', '--clouds', '2'], '--clouds'],
  [['up', '--http-port', '65536'], '--http-port'],
  [['up', '--broker', 'kafka'], '--broker'],
  [['up', '--restart', 'sometimes'], '--restart'],
  [['up', 'surplus'], 'up'],
  [['fly'], 'fly'],
  [[], '--help'],
  [['query'], 'match'],
  [['query', 'a', '--step', '1m'], '--function'],
  [['query', 'a', '--last', '--from', '-1h'], '--last'],
  [['watch', 'a..b'], 'metric'],
  [['hosts', '--controller', 'nowhere'], '--controller'],
  [['hosts', '--colour'], '--colour'],
])('%j is refused', async (args, word) => {
  expectRefusal(await workspace.run(...args), word)
})

test('two sensors of one id are named by it', async () => {
  const config = join(workspace.folder, 'agent.json')
  const twice = [{ sensor: 'load' }, { sensor: 'load' }]
  writeFileSync(config, JSON.stringify({ data: join(workspace.folder, 'agent'), carbon: null, sensors: twice }))
  expectRefusal(await workspace.run('agent', 'run', '--config', config), /another id.*load/)
})

test('a controller that does not answer: one line, its URL, the flag', async () => {
  const { code, stdout, stderr } = await workspace.run('hosts', '--json', '--controller', 'http://127.0.0.1:1')
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/^lanista: .*--controller.*http:\/\/127\.0\.0\.1:1\n$/)
})

test('without a token the line says where it would be', async () => {
  const { ready } = await workspace.up()
  const stranger = new Workspace()
  try {
    const { code, stderr } = await stranger.run('hosts', '--controller', ready.http)
    expect(code).toBe(1)
    expect(stderr).toContain(join(stranger.folder, 'config', 'lanista', 'tokens.json'))
  } finally {
    await stranger.close()
  }
})

test('questions that make no sense are refused by the controller with code 2', async () => {
  await workspace.up()
  for (const args of [
    ['query', 'a.[', '--json'],
    ['query', 'a', '--from', 'yesterday-ish'],
    ['query', 'a', '--function', 'magic'],
    ['query', 'a', '--function', 'mean', '--step', 'soon'],
  ]) {
    expectRefusal(await workspace.run(...args))
  }
})

test('help and version answer on stdout', async () => {
  for (const args of [['--help'], ['up', '--help'], ['agent', '--help']]) {
    expect(await workspace.run(...args)).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/agent|hosts/),
    })
  }
  expect((await workspace.run('--version')).stdout).toMatch(/^\d+\.\d+\.\d+/)
})
