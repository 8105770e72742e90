/** Samples accepted while the broker is away for a minute arrive afterwards, once each. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { lastingPorts } from './lasting-port.ts'
import { commandLine, descendants } from './process-tree.ts'
import { firstLine, type Running, sendLines, Workspace } from './workspace.ts'

interface Answer {
  readonly host: string
  readonly samples: readonly (readonly [number, number])[]
}

const outageMs = 60_000
const intervalMs = 50

/** Sends numbered samples, one every 50 ms, each with a time of its own, for the length of an outage and some. */
async function sendNumbered(carbon: string | undefined, from: number, durationMs: number): Promise<number> {
  const end = performance.now() + durationMs
  let number = from
  while (performance.now() < end) {
    await sendLines(carbon, `outage.numbered ${number} ${startMs + number}`)
    number++
    await new Promise((resolve) => setTimeout(resolve, intervalMs))
  }
  return number
}

const startMs = Date.now() - 5 * 60_000

async function arrived(workspace: Workspace): Promise<readonly number[]> {
  const answers = await workspace.ask<Answer[]>('query', 'outage.numbered', '--from', '-10m')
  return answers.flatMap((answer) => answer.samples.map(([, value]) => value))
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

// both mostly wait
test.concurrent('on nats: the server is frozen and killed again and again', async () => {
  await using workspace = new Workspace()
  const { running, ready } = await workspace.up('--broker', 'nats')
  let count = await sendNumbered(ready.carbon[0], 0, 1_000)
  const end = performance.now() + outageMs
  while (performance.now() < end) {
    const server = natsServerOf(running)
    if (server > 0) process.kill(server, 'SIGSTOP')
    count = await sendNumbered(ready.carbon[0], count, 2_000)
    if (server > 0) process.kill(server, 'SIGKILL')
    count = await sendNumbered(ready.carbon[0], count, 500)
  }
  await workspace.until(async () => (await arrived(workspace)).length >= count, `all ${count} samples`, 90_000)
  expect(await arrived(workspace)).toEqual(upTo(count))
})

test.concurrent('on the embedded broker: the controller is killed, the agent on its own goes on', async () => {
  await using workspace = new Workspace()
  const [http = 0, broker = 0] = await lastingPorts(2)
  const agent = await agentOnItsOwn(workspace, broker)
  const config = join(workspace.folder, 'controller.json')
  const nkey = await publicKeyOf(workspace, 'default.home.alone')
  writeFileSync(config, JSON.stringify({ data: workspace.data, agents: [{ id: 'default.home.alone', nkey }] }))
  const controllerFlags = ['controller', '--config', config, '--no-home-agent', '--json']
  const ports = ['--http-port', String(http), '--broker-port', String(broker)]

  const first = workspace.start([...controllerFlags, ...ports])
  await firstLine(first)
  let count = await sendNumbered(agent.carbon, 0, 1_000)
  first.child.kill('SIGKILL')
  await first.ended
  const atKill = count
  count = await sendNumbered(agent.carbon, count, outageMs)

  const second = workspace.start([...controllerFlags, ...ports])
  await firstLine(second)
  count = await sendNumbered(agent.carbon, count, 500)
  // what the first controller acknowledged went with its window: history belongs to the agents; everything since is here
  await workspace.until(async () => (await arrived(workspace)).at(-1) === count - 1, `sample ${count - 1}`, 90_000)
  const numbers = await arrived(workspace)
  expect(numbers).toEqual(upTo(count).slice(count - numbers.length))
  expect(numbers[0]).toBeLessThanOrEqual(atKill)
})

/** An agent as systemd would run it, with a data folder of its own. */
async function agentOnItsOwn(workspace: Workspace, brokerPort: number): Promise<{ running: Running; carbon: string }> {
  const path = join(workspace.folder, 'agent.json')
  const config = {
    tenant: 'default',
    cloud: 'home',
    host: 'alone',
    data: join(workspace.folder, 'alone'),
    broker: [`mqtt://127.0.0.1:${brokerPort}`],
    carbon: { port: 0 },
    uplink: 'all',
  }
  writeFileSync(path, JSON.stringify(config))
  const running = workspace.start(['agent', 'run', '--config', path, '--json'])
  const ready = JSON.parse(await firstLine(running)) as { carbon: string }
  return { running, carbon: ready.carbon }
}

async function publicKeyOf(workspace: Workspace, id: string): Promise<string> {
  const { stdout } = await workspace.run(
    'agent',
    'identity',
    '--data',
    join(workspace.folder, 'alone'),
    '--id',
    id,
    '--json',
  )
  return (JSON.parse(stdout) as { nkey: string }).nkey
}

function natsServerOf(running: Running): number {
  return descendants(running.pid).find((pid) => commandLine(pid).includes('nats-server')) ?? -1
}
