/** Copies inside a cloud while real things break: five agents in two clouds, numbered samples flowing to each, on both brokers. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { NumberedLines } from './numbered-lines.ts'
import { OwnNetwork } from './own-network.ts'
import { commandLine, descendants } from './process-tree.ts'
import { RingStage, type StageAgent } from './ring-stage.ts'
import { until, Workspace } from './workspace.ts'

/** Twice the time after which a silent member's data is rebuilt elsewhere. */
const cutMs = 16_000

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const isSome = (numbers: readonly number[]): boolean => numbers.length > 0

let workspace: Workspace
let network: OwnNetwork | undefined

beforeEach(() => {
  workspace = new Workspace()
})

afterEach(async () => {
  await workspace.close()
  network?.close()
  network = undefined
})

function feedAll(stage: RingStage): Map<StageAgent, NumberedLines> {
  const firstMs = Date.now() - 10 * 60_000
  const isInside = (host: string): boolean => network !== undefined && host === 'home-0'
  return new Map(
    stage.agents.map((agent) => {
      const wrap = isInside(agent.host) ? network?.wrap : []
      return [agent, new NumberedLines(workspace, agent.carbon, firstMs, 0, wrap)]
    }),
  )
}

/** Asks for the numbers of a host until somebody's answer is as wanted, and returns that very answer. */
async function numbersWhen(
  stage: RingStage,
  host: string,
  isWanted: (numbers: readonly number[], servedBy: string) => boolean,
  what: string,
  deadlineMs = 60_000,
): Promise<readonly number[]> {
  let numbers: readonly number[] = []
  const isThere = async (): Promise<boolean> => {
    const answer = await stage.numbersOf(host)
    numbers = answer?.numbers ?? []
    return answer !== undefined && isWanted(numbers, answer.servedBy)
  }
  await until(isThere, what, deadlineMs, stage.controller)
  return numbers
}

/** Waits until a host, or whoever answers for it, has exactly these numbers. */
async function hasAll(stage: RingStage, host: string, count: number): Promise<void> {
  const isWhole = (numbers: readonly number[]): boolean => numbers.length === count
  expect(await numbersWhen(stage, host, isWhole, `${count} samples of ${host}`)).toEqual(upTo(count))
}

/** What one agent says of another. */
async function viewOf(stage: RingStage, host: string): Promise<(string | undefined)[]> {
  const rows = await stage.ring('home')
  return rows.flatMap(({ members }) => members.filter((member) => member.host === host)).map(({ state }) => state)
}

describe.each(['nats', 'embedded'] as const)('on the broker %s', (broker) => {
  test('an agent that is cut off goes on, and has everything copied when it is back', async () => {
    network = new OwnNetwork()
    const stage = await RingStage.open(workspace, { broker, network })
    const lines = feedAll(stage)
    const [alone, ...others] = stage.agents.filter(({ cloud }) => cloud === 'home') as [StageAgent, ...StageAgent[]]
    await stage.copied(others)

    network.cut()
    const cutAtMs = performance.now()
    await until(async () => (await viewOf(stage, alone.host)).includes('suspect'), 'a suspect', 20_000)
    const before = lines.get(alone)?.sent ?? 0
    await until(async () => (await viewOf(stage, alone.host)).includes('dead'), 'a dead member', 30_000)
    await stage.copied(others)
    await sleep(Math.max(0, cutMs - (performance.now() - cutAtMs)))
    network.heal()

    await until(async () => (await stage.ring('home')).every(({ state }) => state === 'online'), 'everybody', 60_000)
    for (const numbered of lines.values()) await numbered.stop()
    expect(lines.get(alone)?.sent).toBeGreaterThan(before)
    for (const [{ host }, { sent }] of lines) await hasAll(stage, host, sent)
    await stage.copied([alone, ...others])

    await stage.kill(alone)
    await until(async () => (await stage.numbersOf(alone.host))?.servedBy !== alone.host, 'another to answer', 30_000)
    await hasAll(stage, alone.host, lines.get(alone)?.sent ?? 0)
    const [away] = await stage.ring('away')
    expect([away?.held, away?.held_by]).toEqual([[], []])
  })

  test('the broker restarts and two agents are killed while lines flow, and nothing acknowledged is lost', async () => {
    const stage = await RingStage.open(workspace, { broker })
    const lines = feedAll(stage)
    for (let i = 0; i < 2; i++) {
      await sleep(1000)
      await restartBroker(stage, broker)
    }
    const home = stage.agents.filter(({ cloud }) => cloud === 'home')
    const marks = new Map<StageAgent, number>()
    for (const agent of home) {
      const numbers = await numbersWhen(stage, agent.host, isSome, 'an answer')
      marks.set(agent, numbers.length)
    }
    await stage.copied(home)

    const killed = [home[0] as StageAgent, home[2] as StageAgent]
    await stage.kill(...killed)
    for (const { host } of killed) {
      const numbers = await numbersWhen(stage, host, isSome, 'copies', 30_000)
      const mark = marks.get(stage.agent(host)) ?? Infinity
      expect(numbers.slice(0, mark)).toEqual(upTo(mark))
    }
    for (const numbered of lines.values()) await numbered.stop()
    for (const [{ host }, { sent }] of lines)
      if (!killed.some((agent) => agent.host === host)) await hasAll(stage, host, sent)

    // started again they have what they had committed, without a gap: what was on its way when they were killed is the only loss
    for (const agent of killed) await stage.restart(agent)
    for (const agent of killed) {
      const isOwn = (own: readonly number[], servedBy: string): boolean => isSome(own) && servedBy === agent.host
      const numbers = await numbersWhen(stage, agent.host, isOwn, 'its own answer')
      expect(numbers).toEqual(upTo(numbers.length))
      expect(numbers.length).toBeGreaterThanOrEqual(marks.get(agent) ?? Infinity)
    }
  })
})

/** As far as there is one apart: on the embedded broker it is the controller's whole process that is killed. */
async function restartBroker(stage: RingStage, broker: 'embedded' | 'nats'): Promise<void> {
  if (broker === 'embedded') {
    stage.controller.child.kill('SIGKILL')
    await stage.controller.ended
    await stage.restartController()
    return
  }
  const server = (): number =>
    descendants(stage.controller.pid).find((pid) => commandLine(pid).includes('nats-server')) ?? -1
  const before = server()
  process.kill(before, 'SIGKILL')
  await until(() => server() > 0 && server() !== before, 'another nats-server', 30_000, stage.controller)
}
