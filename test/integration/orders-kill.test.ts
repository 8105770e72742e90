/** SIGKILL of an agent at every step of its journal: a real process, a real disk, and what the controller learns afterwards. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Bus, BusMessage } from '#broker/bus.ts'
import { MemoryBroker } from '#broker/memory.ts'
import { generateNkey } from '#broker/nkey.ts'
import { OrderService } from '#controller/orders/order-service.ts'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'

const program = fileURLToPath(new URL('./order-agent-process.ts', import.meta.url))
const address = { tenant: 'main', cloud: 'home', host: 'web' }
const deps = { clock: systemClock, logger: silentLogger }

let folder: string
let child: ChildProcess | undefined
let closes: (() => unknown)[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lanista-orders-'))
})

afterEach(async () => {
  child?.kill('SIGKILL')
  for (const close of closes.toReversed()) await close()
  closes = []
  rmSync(folder, { recursive: true, force: true })
})

/** Starts the agent's process, its pipe joined to the bus; resolves with the journal's id, and `ended` when it is no more. */
async function startAgent(key: string, step: string, bus: Bus): Promise<{ journal: string; ended: Promise<unknown> }> {
  const started = spawn(process.execPath, ['--import', 'tsx', program, key, folder, step], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
  })
  child = started
  const ended = new Promise((resolve) => started.once('exit', resolve))
  const patterns = ['lanista.main.home.web.order.>', 'lanista.main.home.web.control.>']
  const subscriptions = patterns.map((pattern) => bus.subscribe(pattern, (message) => pass(started, message)))
  void ended.then(() => subscriptions.forEach((subscription) => subscription.close()))
  const journal = await new Promise<string>((resolve) => {
    started.on('message', ({ subject, body }: BusMessage) => {
      if (subject === 'ready') resolve(Buffer.from(body).toString())
      else if (bus.state === 'up') bus.publish(subject, body) // a test that is over hears no more
    })
  })
  return { journal, ended }
}

/** What is said to a process that is ending is lost. */
function pass(to: ChildProcess, message: BusMessage): void {
  if (to.connected) to.send({ subject: message.subject, body: Buffer.from(message.body) }, () => {})
}

function effects(): number {
  const path = join(folder, 'effects')
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').length : 0
}

test.each<[step: string, states: readonly string[], effects: readonly number[]]>([
  ['before:1', ['done'], [1]],
  ['during:1', ['done', 'interrupted'], [0, 1]],
  ['after:1', ['interrupted'], [0]],
  ['handler', ['interrupted'], [1]],
  ['before:2', ['interrupted'], [1]],
  ['during:2', ['done', 'interrupted'], [1]],
  ['after:2', ['done'], [1]],
  ['before:3', ['done'], [1]],
  ['after:3', ['done'], [1]],
])('killed %s, an order ends as %j after %j effects', async (step, states, counts) => {
  const key = generateNkey()
  const broker = new MemoryBroker(deps)
  const agentBus = broker.connect({ kind: 'agent', address })
  const bus = broker.connect({ kind: 'controller' })
  const registry = new MemoryRegistryStore()
  closes.push(
    () => agentBus.close(),
    () => bus.close(),
  )
  await Promise.all([agentBus.up(AbortSignal.timeout(5000)), bus.up(AbortSignal.timeout(5000))])

  const first = await startAgent(key.publicKey, step, agentBus)
  let isHere = true
  let session = 1
  const host = { id: 'main.home.web', hasLeft: false, journal: first.journal }
  const hosts = () => [{ ...host, isHere, session }]
  const orders = await OrderService.open({ session: 1 }, { ...deps, bus, registry, sign: key.sign, hosts })
  closes.push(() => orders.close())
  const { id } = await orders.issue({ target: address, verb: 'work' })
  await first.ended
  isHere = false

  const second = await startAgent(key.publicKey, 'never', agentBus)
  expect(second.journal).toBe(first.journal)
  isHere = true
  session = 2
  const { state } = await orders.settled(id, AbortSignal.timeout(20_000))
  expect(states).toContain(state)
  expect(counts).toContain(effects())
  if (state === 'done') expect(effects()).toBe(1)
})
