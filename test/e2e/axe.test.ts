/** Monitors, conditions and rules with real processes: what is decided of lines in the past, and what becomes of results when agents die. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AxeStage, type FedHost, killAgents, stopUp } from './axe-stage.ts'
import { sendLines, Workspace } from './workspace.ts'

interface Decision {
  readonly rule: string
  readonly time_ms: number
  readonly decision: string
  readonly to: number | null
}

interface Recorded {
  readonly name: string
  readonly cloud: string
  readonly samples: readonly (readonly [number, number])[]
}

const fleet = ['--hosts', '6', '--clouds', '2', '--restart', 'never']
const fixture = (name: string): string[] => read(`../fixtures/autoscale/${name}`).trim().split('\n')
let workspace: Workspace
let stage: AxeStage | undefined

beforeEach(() => {
  workspace = new Workspace()
})

afterEach(async () => {
  await stage?.close()
  stage = undefined
  await workspace.close()
})

describe.each(['embedded', 'nats'])('on the broker %s', (broker) => {
  test('a replay of lines in the past decides what the table says that was worked out by hand', async () => {
    await workspace.up('--broker', broker, ...fleet)
    const hosts = await workspace.ask<FedHost[]>('hosts')
    const example = fileURLToPath(new URL('../../examples/autoscale.yaml', import.meta.url))
    expect((await workspace.run('apply', example, '--yes')).code).toBe(0)
    const lines = fixture('lines.txt').map((line) => line.slice(line.indexOf(' ') + 1))
    const firstOf = (cloud: string): FedHost => hosts.find((host) => host.cloud === cloud) as FedHost
    await sendLines(firstOf('home').carbon, ...lines.filter((line) => line.includes('instance=web-1')))
    await sendLines(firstOf('local-1').carbon, ...lines.filter((line) => line.includes('instance=web-2')))
    const stored = async (): Promise<number> => {
      const rows = await workspace.ask<{ samples: unknown[] }[]>('query', 'cpu.usage;component=web', '--from', '0')
      return rows.reduce((sum, { samples }) => sum + samples.length, 0)
    }
    await workspace.until(async () => (await stored()) === lines.length, 'all lines', 30_000)

    const range = ['--from', '2025-11-03T10:01:00Z', '--until', '2025-11-03T10:40:00Z', '--wanted', 'web=2']
    const replayed = await Promise.all(
      ['grow-web', 'shrink-web'].map((rule) =>
        workspace.ask<{ decisions: Decision[] }>('rules', 'replay', rule, ...range),
      ),
    )
    const told = replayed
      .flatMap(({ decisions }) => decisions)
      .map(({ time_ms, rule, decision, to }) => {
        return `${new Date(time_ms).toISOString().slice(11, 19)} ${rule} ${decision} ${to}`
      })
    expect(told.sort()).toEqual(fixture('decisions.txt').sort())
  })

  test('an operator hears every result, and who aggregates may die: it delays results and changes none', async () => {
    const { ready } = await workspace.up('--broker', broker, ...fleet)
    stage = await AxeStage.open(workspace, ready)
    const { windowsOf } = bound(stage)
    for (const [i, host] of stage.hosts.entries()) stage.say(20 + i, [host])
    await workspace.until(() => windowsOf('total').some(({ v }) => v === 135), 'a window of all hosts', 60_000)
    const firstMs = windowsOf('total').find(({ v }) => v === 135)?.t as number

    await workspace.until(() => stage?.aggregatorOf('home') !== undefined, 'an aggregator', 20_000)
    const victim = stage.aggregatorOf('home') as FedHost
    stage.hush([victim])
    await workspace.until(() => isCopied(victim), 'copies of its last samples', 60_000)
    killAgents([victim])
    const killedMs = Date.now()
    const isPast = ({ t, known }: { t: number; known: number }): boolean => t > killedMs + 10_000 && known === 5
    await workspace.until(() => windowsOf('total').some(isPast), 'a result of the next aggregator', 120_000)
    const lastMs = windowsOf('total').find(isPast)?.t as number
    await workspace.until(() => windowsOf('pooled').some(({ t }) => t >= lastMs), 'both monitors', 30_000)

    for (const monitor of ['total', 'pooled']) {
      const wanted = (await stage.recomputed(firstMs, lastMs)).filter((result) => result.monitor === monitor)
      const said = new Map(windowsOf(monitor).map((result) => [result.t, result]))
      expect(wanted).toHaveLength((lastMs - firstMs) / 2_000 + 1)
      expect(
        wanted.map(({ windowEndMs, value, known }) => {
          const result = said.get(windowEndMs)
          return [windowEndMs - firstMs, value === round(result?.v, value), result?.known === known]
        }),
      ).toEqual(wanted.map(({ windowEndMs }) => [windowEndMs - firstMs, true, true]))
    }
    const read = async (...where: readonly string[]): Promise<Recorded[]> =>
      workspace.ask<Recorded[]>(
        'query',
        'monitor.live.*',
        '--from',
        String(firstMs),
        '--until',
        String(lastMs),
        ...where,
      )
    const results = await stage.recomputed(firstMs, lastMs)
    const samplesOf = (monitor: string, cloud: string): [number, number | null][] =>
      results
        .filter((result) => result.monitor === monitor && (result.tags['cloud'] ?? '_home') === cloud)
        .map(({ windowEndMs, value }): [number, number | null] => [windowEndMs, value])
    const [inCloud, ...others] = await read('--host', '_cloud', '--cloud', 'home')
    expect(others).toEqual([])
    expect(inCloud?.name).toBe('monitor.live.inCloud')
    expect(inCloud?.samples).toEqual(samplesOf('inCloud', 'home'))
    const total = (await read('--host', '_controller')).find(({ name }) => name === 'monitor.live.total')
    expect(total?.cloud).toBe('_home')
    expect(total?.samples).toEqual(samplesOf('total', '_home'))
  })
})

test('half of the agents die and no count is lowered; a controller that starts again remembers', async () => {
  const { running, ready } = await workspace.up(...fleet)
  stage = await AxeStage.open(workspace, ready)
  const opened = stage
  opened.say(90)
  await workspace.until(async () => (await opened.wanted()) === 3, 'one instance more', 60_000)

  const dead = opened.hosts.filter((_, i) => i % 2 === 1)
  const alive = opened.hosts.filter((_, i) => i % 2 === 0)
  opened.hush(dead)
  killAgents(dead)
  opened.say(1, alive)
  // those left would let it shrink: the dead ones are not known to agree
  const { t: judgedMs } = await opened.judged('shrink', 'unknown', Date.now())
  await opened.judged('shrink', 'unknown', judgedMs + 20_000)
  expect(await opened.wanted()).toBe(3)
  const shrunk = opened.heard.filter(({ name, tags }) => name === 'rule.live.shrink' && tags?.['decision'] === 'down')
  expect(shrunk).toEqual([])

  await stopUp(running)
  await opened.close()
  const { ready: again } = await workspace.up(...fleet)
  expect(await opened.wanted()).toBe(3)
  stage = await AxeStage.listen(workspace, again)
  stage.say(95)
  await stage.judged('grow', 'cooldown', 0)
  expect(await opened.wanted()).toBe(3)
})

function bound(opened: AxeStage): { windowsOf: (monitor: string) => { t: number; v: number | null; known: number }[] } {
  return { windowsOf: (monitor) => [...opened.windowsOf(monitor).values()].sort((a, b) => a.t - b.t) }
}

async function isCopied({ id }: FedHost): Promise<boolean> {
  const rows = await workspace.ask<{ host: string; lag_samples: number | null }[]>('ring')
  return rows.find(({ host }) => host === id)?.lag_samples === 0
}

/** The heard value, or the other where they differ by rounding alone: sums are made in another order. */
function round(heard: number | null | undefined, other: number | null): number | null | undefined {
  if (typeof heard !== 'number' || other === null) return heard
  return Math.abs(heard - other) < 1e-9 * Math.abs(other) ? other : heard
}

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8')
}
