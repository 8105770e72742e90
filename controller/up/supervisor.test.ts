import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { AgentProcess, type AgentReady } from './agent-process.ts'
import { identifyProcess } from './process-identity.ts'
import { Supervisor } from './supervisor.ts'

let folder: string
let started: { process: AgentProcess; last: AgentReady | undefined }[]
let supervisor: Supervisor | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanista-supervisor-'))
  started = []
})

afterEach(async () => {
  await supervisor?.stop()
  await rm(folder, { recursive: true })
})

const waits = "process.stdin.on('end', () => process.exit(0)).resume(); process.on('SIGTERM', () => process.exit(0))"
const announces = "console.log(JSON.stringify({ event: 'ready', pid: process.pid, carbon: '127.0.0.1:' + 2003 }))"

/** Supervises a stand-in for the agent's bundle. */
async function supervise(source: string, restart: 'always' | 'never'): Promise<Supervisor> {
  const bundle = join(folder, 'agent.mjs')
  await writeFile(bundle, source)
  supervisor = Supervisor.start(
    { id: 'main.home.a', restart, graceMs: 500 },
    {
      clock: systemClock,
      logger: silentLogger,
      start: (last) => {
        const process = AgentProcess.start({ bundle, configPath: 'none', onLog: () => undefined })
        started.push({ process, last })
        return process
      },
    },
  )
  return supervisor
}

test('an agent that is killed comes back, told where it listened before', async () => {
  const supervisor = await supervise(`${announces}; ${waits}`, 'always')
  const first = await supervisor.firstReady()
  process.kill(first.pid, 'SIGKILL')
  await expect.poll(() => started.length, { timeout: 10_000 }).toBe(2)
  expect(started[1]?.last).toEqual(first)
  expect((await started[1]?.process.ready)?.pid).not.toBe(first.pid)
})

test('with restart never it stays dead', async () => {
  const supervisor = await supervise(`${announces}; ${waits}`, 'never')
  const { pid } = await supervisor.firstReady()
  process.kill(pid, 'SIGKILL')
  await started[0]?.process.ended
  await supervisor.stop()
  expect(started.length).toBe(1)
})

test('one that says that it has left for good is not started again', async () => {
  const left = "console.log(JSON.stringify({ event: 'left' }))"
  const supervisor = await supervise(
    `process.on('SIGHUP', () => { ${left}; process.exit(0) }); ${waits}; ${announces}`,
    'always',
  )
  const { pid } = await supervisor.firstReady()
  process.kill(pid, 'SIGHUP')
  expect(await started[0]?.process.ended).toMatchObject({ code: 0, departure: 'left' })
  await supervisor.stop()
  expect(started.length).toBe(1)
})

test('one that was asked to leave and stayed is started again, with restart never too: it has not died', async () => {
  const stayed = "console.log(JSON.stringify({ event: 'stayed' }))"
  const supervisor = await supervise(
    `process.on('SIGHUP', () => { ${stayed}; process.exit(1) }); ${waits}; ${announces}`,
    'never',
  )
  const { pid } = await supervisor.firstReady()
  process.kill(pid, 'SIGHUP')
  expect(await started[0]?.process.ended).toMatchObject({ code: 1, departure: 'stayed' })
  await expect.poll(() => started.length, { timeout: 10_000 }).toBe(2)
})

test('one that ends before it is ready is reported with its own words and exit code', async () => {
  const supervisor = await supervise("console.error('port 2003 in use'); process.exitCode = 2", 'never')
  await expect(supervisor.firstReady()).rejects.toMatchObject({
    code: 'AGENT_FAILED',
    message: expect.stringMatching(/main\.home\.a.*port 2003 in use/),
    data: { exitCode: 2 },
  })
})

test('one that ignores SIGTERM is killed after its grace time, and none is left', async () => {
  const supervisor = await supervise(
    `process.on('SIGTERM', () => {}); ${announces}; setInterval(() => {}, 1000)`,
    'always',
  )
  const { pid } = await supervisor.firstReady()
  await supervisor.stop()
  expect(await started[0]?.process.ended).toMatchObject({ signal: 'SIGKILL' })
  expect(identifyProcess(pid)).toBeUndefined()
})
