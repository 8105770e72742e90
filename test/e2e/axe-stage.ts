/** A fleet of six hosts in two clouds that somebody feeds, and an operator who hears the results. */
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Bus } from '#broker/bus.ts'
import { openBus } from '#broker/open-bus.ts'
import { spanOf } from '#protocol/aggregation/span.ts'
import type { ResultMessage } from '#protocol/messages/result.ts'
import { evaluateAll, type HostSamples } from '#protocol/monitors/evaluate-all.ts'
import type { MonitorResult } from '#protocol/monitors/model.ts'
import { parseAxe } from '#protocol/monitors/parse.ts'
import { planContext } from '#protocol/monitors/plan.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { metricNameOf, parseSubject } from '#protocol/subjects/subject.ts'
import { type Ready, type Running, until, type Workspace } from './workspace.ts'

export interface FedHost {
  readonly id: string
  readonly cloud: string
  readonly pid: number
  readonly carbon: string
  readonly state: string
}

/** A result as an operator heard it. */
export interface HeardResult extends ResultMessage {
  /** `_controller`, or `_cloud`. */
  readonly host: string
  readonly cloud: string
  readonly name: string
}

const application = 'live'

/** Monitors that are fed by `live.load`; windows are short, so that a test sees many. */
const load = { of: 'live.load', component: 'web', window: '4s', every: '2s', lateness: '3s' }
const monitors = {
  inCloud: { ...load, function: 'last', reduce: 'sum', scope: 'cloud', coverage: '30%' },
  total: { from: 'inCloud', reduce: 'sum', scope: 'cross-cloud', coverage: '30%' },
  pooled: { ...load, function: 'mean', scope: 'cross-cloud', coverage: '30%' },
  each: { ...load, function: 'last' },
}

/** Grows at once, then not for a long time; shrinks whenever it may. */
const rules = {
  grow: { when: { some: 'each', above: 80 }, then: { scale: 'web', by: 1 }, cooldown: '1h', every: '2s' },
  shrink: { when: { every: 'each', below: 10 }, then: { scale: 'web', by: -1 }, cooldown: '0s', every: '2s' },
}

export class AxeStage {
  readonly hosts: readonly FedHost[]
  readonly heard: HeardResult[] = []
  readonly #workspace: Workspace
  readonly #bus: Bus
  readonly #feeds: ReadonlyMap<string, Feed>

  private constructor(workspace: Workspace, hosts: readonly FedHost[], bus: Bus) {
    this.#workspace = workspace
    this.hosts = hosts
    this.#bus = bus
    this.#feeds = new Map(hosts.map((host, i) => [host.id, new Feed(host, `web-${i}`)]))
  }

  /** Applies the application and hears all results from then on. */
  static async open(workspace: Workspace, ready: Ready): Promise<AxeStage> {
    const stage = await AxeStage.listen(workspace, ready)
    const components = {
      web: {
        instances: { min: 1, initial: 2, max: 9 },
        isolation: 'directory',
        lifecycle: { start: 'exec sleep infinity' },
      },
    }
    const file = join(workspace.folder, 'live.yaml')
    writeFileSync(file, JSON.stringify({ application, components, monitors, rules }))
    const applied = await workspace.run('apply', file, '--yes')
    if (applied.code !== 0) throw new Error(applied.stderr)
    return stage
  }

  /** Hears all results of an application that was applied before. */
  static async listen(workspace: Workspace, ready: Ready): Promise<AxeStage> {
    const { broker: url, operator } = ready
    const bus = openBus(
      {
        url,
        role: { kind: 'operator', tenant: 'default' },
        credential: { kind: 'password', ...operator },
        name: 'test',
      },
      { clock: systemClock, logger: silentLogger },
    )
    const stage = new AxeStage(workspace, await workspace.ask<FedHost[]>('hosts'), bus)
    for (const pattern of ['lanista.*._home._controller.metric.>', 'lanista.default.*._cloud.metric.>']) {
      bus.subscribe(pattern.replace('lanista.*', 'lanista.default'), ({ subject, body }) => stage.#hear(subject, body))
    }
    await bus.up(AbortSignal.timeout(20_000))
    await bus.flush(AbortSignal.timeout(20_000))
    return stage
  }

  /** From now on these hosts say this, twice a second; the others go on as before. */
  say(value: number, hosts: readonly FedHost[] = this.hosts): void {
    for (const { id } of hosts) this.#feeds.get(id)?.say(value)
  }

  /** These hosts are sent nothing more. */
  hush(hosts: readonly FedHost[]): void {
    for (const { id } of hosts) this.#feeds.get(id)?.close()
  }

  /** The last that was said of each window of a monitor, by its end. */
  windowsOf(monitor: string): Map<number, HeardResult> {
    const last = new Map<number, HeardResult>()
    for (const result of this.heard) {
      if (result.name !== `monitor.${application}.${monitor}` || result.host !== '_controller') continue
      if (result.revision >= (last.get(result.t)?.revision ?? 0)) last.set(result.t, result)
    }
    return last
  }

  /** Waits until a rule is judged so, for a window that ends after `sinceMs`. */
  async judged(rule: string, decision: string, sinceMs: number): Promise<HeardResult> {
    const isIt = ({ name, t, tags }: HeardResult): boolean =>
      name === `rule.${application}.${rule}` && tags?.['decision'] === decision && t > sinceMs
    const found = (): HeardResult | undefined => this.heard.find(isIt)
    const last = (): string =>
      this.heard
        .slice(-40)
        .map((result) => `\n${JSON.stringify(result)}`)
        .join('')
    await until(() => found() !== undefined, `${rule} judged ${decision}`, 60_000, { stderr: last })
    return found() as HeardResult
  }

  /** Who computes for a cloud, as the newest result of the cloud says. */
  aggregatorOf(cloud: string): FedHost | undefined {
    const newest = this.heard.findLast((result) => result.host === '_cloud' && result.cloud === cloud)
    return this.hosts.find((host) => host.id === newest?.by && host.cloud === cloud)
  }

  wanted(): Promise<number | undefined> {
    return this.#workspace
      .ask<{ name: string; components: Readonly<Record<string, number>> }[]>('apps')
      .then(([app]) => app?.components['web'])
  }

  /** Everything computed anew, in one place, from what the stores of the hosts and the copies of the lost ones have. */
  async recomputed(fromMs: number, untilMs: number): Promise<readonly MonitorResult[]> {
    const rows = await this.#workspace.ask<
      { host: string; cloud: string; tags: Record<string, string>; samples: [number, number][] }[]
    >('query', 'live.load', '--from', String(fromMs - 60_000))
    const samples = rows.map(({ host, cloud, tags, samples: pairs }): HostSamples => {
      return { host, cloud, series: [{ series: { name: 'live.load', tags }, span: spanOf(pairs) }] }
    })
    const parsed = parseAxe({ monitors }, { application, components: ['web'] })
    const plan = planContext({ application, monitors: parsed.monitors })
    return [...evaluateAll(plan, samples, { fromMs, untilMs })]
  }

  async close(): Promise<void> {
    for (const feed of this.#feeds.values()) feed.close()
    await this.#bus.close()
  }

  #hear(subject: string, body: Uint8Array): void {
    const parsed = parseSubject(subject)
    const { host, cloud } = parsed.address
    this.heard.push({
      ...(JSON.parse(Buffer.from(body).toString()) as ResultMessage),
      host,
      cloud,
      name: metricNameOf(parsed),
    })
  }
}

/** Kills agents as power does. */
export function killAgents(hosts: readonly FedHost[]): void {
  for (const { pid } of hosts) process.kill(pid, 'SIGKILL')
}

/** Ends `lanista up` as Ctrl-C does. */
export async function stopUp(running: Running): Promise<void> {
  running.child.kill('SIGTERM')
  await running.ended
}

/** One instance that pushes its value over a connection of its own. */
class Feed {
  readonly #path: string
  readonly #socket: Socket
  #timer: NodeJS.Timeout | undefined

  constructor({ carbon }: FedHost, instance: string) {
    const cut = carbon.lastIndexOf(':')
    this.#path = `live.load;component=web;instance=${instance}`
    this.#socket = connect(Number(carbon.slice(cut + 1)), carbon.slice(0, cut))
    this.#socket.on('error', () => this.close()) // its agent was killed
  }

  say(value: number): void {
    clearInterval(this.#timer)
    const send = (): void => {
      this.#socket.write(`${this.#path} ${value} ${Math.floor(Date.now() / 1000)}\n`)
    }
    send()
    this.#timer = setInterval(send, 500)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#socket.destroy()
  }
}
