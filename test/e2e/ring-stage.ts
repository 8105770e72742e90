/** Five agents in two clouds around one controller, each configured by the test, and numbered samples that flow to all of them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { openBus } from '#broker/open-bus.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { parseSubject } from '#protocol/subjects/subject.ts'
import { lastingPorts } from './lasting-port.ts'
import type { OwnNetwork } from './own-network.ts'
import { firstLine, type Ready, type Running, until, type Workspace } from './workspace.ts'

export interface RingRow {
  readonly host: string
  readonly state: string
  readonly degree: number | null
  readonly lag_samples: number | null
  readonly lag_seconds: number | null
  readonly is_quarantined: boolean | null
  readonly members: readonly { readonly host: string; readonly state: string }[]
  readonly held: readonly { readonly owner: string; readonly samples: number; readonly bytes: number }[]
  readonly held_by: readonly { readonly host: string; readonly samples: number }[]
}

export interface StageAgent {
  readonly host: string
  readonly cloud: string
  readonly folder: string
  running: Running
  carbon: string
}

export interface StageOptions {
  readonly broker: 'embedded' | 'nats'
  /** The agent `home-0` runs in it. */
  readonly network?: OwnNetwork | undefined
  /** Settings of agents beyond those of all, by host. */
  readonly more?: Readonly<Record<string, object>> | undefined
}

/** An event as it was published, and who did. */
export interface HeardEvent {
  readonly host: string
  readonly alarm?: string | undefined
  readonly isOn?: boolean | undefined
}

interface Answer {
  readonly host: string
  readonly served_by: string
  readonly value?: number
  readonly samples: readonly (readonly [number, number])[]
}

/** Faults must be noticed within the time of a test: everything is 20 times as fast as by default. */
const heartbeatIntervalMs = 500
const graceMs = 8000

const places = [
  ['home', 'home-0'],
  ['home', 'home-1'],
  ['home', 'home-2'],
  ['home', 'home-3'],
  ['away', 'away-0'],
] as const

export class RingStage {
  readonly workspace: Workspace
  readonly agents: readonly StageAgent[]
  controller: Running
  readonly #options: StageOptions
  readonly #controllerArgs: readonly string[]
  readonly #ready: Ready

  private constructor(
    workspace: Workspace,
    options: StageOptions,
    controllerArgs: readonly string[],
    controller: Running,
    ready: Ready,
    agents: readonly StageAgent[],
  ) {
    this.workspace = workspace
    this.#options = options
    this.#controllerArgs = controllerArgs
    this.controller = controller
    this.#ready = ready
    this.agents = agents
  }

  static async open(workspace: Workspace, options: StageOptions): Promise<RingStage> {
    const { broker, network } = options
    const [http, port] = await lastingPorts(2)
    const folders = places.map(([, host]) => join(workspace.folder, host))
    const keys = await Promise.all(
      places.map(([cloud, host], i) => publicKey(workspace, folders[i] as string, cloud, host)),
    )
    const config = join(workspace.folder, 'controller.json')
    writeFileSync(
      config,
      JSON.stringify({
        data: workspace.data,
        broker,
        brokerListen: { host: network ? '0.0.0.0' : '127.0.0.1', port },
        http: { host: '127.0.0.1', port: http },
        homeAgent: false,
        heartbeatIntervalMs,
        agents: places.map(([cloud, host], i) => ({ id: `default.${cloud}.${host}`, nkey: keys[i] })),
      }),
    )
    const controllerArgs = ['controller', '--config', config, '--json']
    const controller = workspace.start(controllerArgs)
    const ready = JSON.parse(await firstLine(controller)) as Ready
    const start = async ([cloud, host]: (typeof places)[number], i: number): Promise<StageAgent> => {
      const folder = folders[i] as string
      const at = network && host === 'home-0' ? network.gateway : '127.0.0.1'
      const settings = {
        tenant: 'default',
        cloud,
        host,
        data: folder,
        broker: [`${broker === 'nats' ? 'nats' : 'mqtt'}://${at}:${port}`],
        carbon: { host: '127.0.0.1', port: 0, fourFields: false },
        defaultSensors: false,
        heartbeatIntervalMs,
        uplink: [],
        ring: { copies: 3, graceMs, waitMs: 200 },
        ...options.more?.[host],
      }
      writeFileSync(join(folder, 'agent.json'), JSON.stringify(settings))
      return { host, cloud, folder, ...(await startAgent(workspace, folder, wrapOf(options, host))) }
    }
    const agents = await Promise.all(places.map(start))
    return new RingStage(workspace, options, controllerArgs, controller, ready, agents)
  }

  agent(host: string): StageAgent {
    const found = this.agents.find((agent) => agent.host === host)
    if (!found) throw new Error(`no agent ${host}`)
    return found
  }

  /** Kills the agents at once, as power does to a process. */
  async kill(...agents: readonly StageAgent[]): Promise<void> {
    for (const { running } of agents) running.child.kill('SIGKILL')
    await Promise.all(agents.map(({ running }) => running.ended))
  }

  /** Stops an agent as systemd does: what it has taken is on its disk then. */
  async stop({ running }: StageAgent): Promise<void> {
    running.child.kill('SIGTERM')
    expect((await running.ended).code).toBe(0)
  }

  async restart(agent: StageAgent): Promise<void> {
    Object.assign(agent, await startAgent(this.workspace, agent.folder, wrapOf(this.#options, agent.host)))
  }

  async restartController(): Promise<void> {
    this.controller = this.workspace.start(this.#controllerArgs)
    await firstLine(this.controller)
  }

  async ring(cloud: string): Promise<RingRow[]> {
    return (await this.#get<RingRow[]>('ring', { cloud })) ?? []
  }

  /** Every number that a host has, in order of time, and who said so; undefined while nobody says anything. */
  async numbersOf(
    host: string,
  ): Promise<{ readonly servedBy: string; readonly numbers: readonly number[] } | undefined> {
    const answers = await this.#get<Answer[]>('query', { match: 'numbered', host, from: '-2h' })
    const answer = answers?.[0]
    return answer && { servedBy: answer.served_by, numbers: answer.samples.map(([, value]) => value) }
  }

  /** Samples a host has in its own store; undefined while it does not answer. */
  async points(host: string): Promise<number | undefined> {
    const stats = await this.#get<{ areas?: { local?: { points: number } } }>('store', { host })
    return stats?.areas?.local?.points
  }

  /** Hears the events of a kind of all hosts from now on; close it. */
  async events(kind: string): Promise<{ readonly heard: readonly HeardEvent[]; close(): Promise<void> }> {
    const { broker: url, operator } = this.#ready
    const role = { kind: 'operator', tenant: 'default' } as const
    const credential = { kind: 'password', ...operator } as const
    const bus = openBus({ url, role, credential, name: 'test' }, { clock: systemClock, logger: silentLogger })
    const heard: HeardEvent[] = []
    bus.subscribe(`lanista.default.*.*.event.${kind}`, ({ subject, body }) => {
      heard.push({ host: parseSubject(subject).address.host, ...(JSON.parse(Buffer.from(body).toString()) as object) })
    })
    await bus.up(AbortSignal.timeout(10_000))
    await bus.flush(AbortSignal.timeout(10_000))
    return { heard, close: () => bus.close() }
  }

  /** Asks the controller; undefined when it is not there or has no answer. */
  async #get<T>(path: string, parameters: Readonly<Record<string, string>>): Promise<T | undefined> {
    const { http, operator } = this.#ready
    const url = `${http}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`
    const headers = { authorization: `Bearer ${operator.password}` }
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(20_000) }).catch(() => undefined)
    return response?.ok ? ((await response.json()) as T) : undefined
  }

  /**
   * Waits until two others have everything that these hosts had when they said how much that is: each is asked until it answers
   * itself, since after a fault it may be away while others answer for it. What the ring said last stands in the error.
   */
  async copied(agents: readonly StageAgent[], deadlineMs = 60_000): Promise<void> {
    const wanted = new Map<string, Wanted>()
    let rows: readonly RingRow[] = []
    const isDone = async (): Promise<boolean> => {
      rows = await this.ring('home')
      for (const { host } of agents) {
        const points = wanted.has(host) ? undefined : await this.points(host)
        if (points !== undefined) wanted.set(host, { points, atMs: performance.now() })
      }
      return (
        wanted.size === agents.length &&
        [...wanted].every(([host, had]) => rows.some((row) => row.host === host && isCopied(row, had)))
      )
    }
    try {
      await until(isDone, 'two copies of everything', deadlineMs, this.controller)
    } catch (error) {
      throw new Error(`no two copies of everything:\n${copiesText(agents, wanted, rows)}`, { cause: error })
    }
  }
}

/** What a host had, and when it said so. */
interface Wanted {
  readonly points: number
  readonly atMs: number
}

function isCopied({ lag_seconds, degree, held_by }: RingRow, { points, atMs }: Wanted): boolean {
  // lag is counted from looks a second apart, and rounded
  const isRecent = lag_seconds !== null && 1000 * (lag_seconds + 3) < performance.now() - atMs
  return isRecent && degree === 3 && held_by.filter(({ samples }) => samples >= points).length >= 2
}

/** Host by host: what it had, and its ring as it sees it. */
function copiesText(
  agents: readonly StageAgent[],
  wanted: ReadonlyMap<string, Wanted>,
  rows: readonly RingRow[],
): string {
  const lines = agents.map(({ host }) => {
    const had = wanted.get(host)
    const row = rows.find((other) => other.host === host)
    const verdict = had && row && isCopied(row, had) ? 'copied' : 'not copied'
    return `${host} ${verdict}, had ${had?.points ?? 'not said how many'} samples, ring ${JSON.stringify(row)}`
  })
  return lines.join('\n')
}

function wrapOf({ network }: StageOptions, host: string): readonly string[] {
  return network && host === 'home-0' ? network.wrap : []
}

async function publicKey(workspace: Workspace, folder: string, cloud: string, host: string): Promise<string> {
  mkdirSync(folder, { recursive: true })
  const id = `default.${cloud}.${host}`
  const { nkey } = await workspace.ask<{ nkey: string }>('agent', 'identity', '--data', folder, '--id', id)
  return nkey
}

/** Starts an agent from the configuration in its folder. */
export async function startAgent(
  workspace: Workspace,
  folder: string,
  wrap: readonly string[] = [],
): Promise<{ readonly running: Running; readonly carbon: string }> {
  const running = workspace.startAgent(join(folder, 'agent.json'), wrap)
  const { carbon } = JSON.parse(await firstLine(running)) as { carbon: string }
  return { running, carbon }
}
