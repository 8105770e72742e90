/** A controller on a memory bus with a real registry and a real HTTP port, and agents that do as told: for tests. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bus } from '#broker/bus.ts'
import { MemoryBroker } from '#broker/memory.ts'
import { LanistaError } from '#protocol/errors.ts'
import { parseAck, type SamplesAck } from '#protocol/messages/control.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import type { Birth } from '#protocol/messages/presence.ts'
import { encodeRefusal } from '#protocol/query/answer.ts'
import { parseQueryAsk, type QueryAsk } from '#protocol/query/ask.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { encodeBatch, encodeDictionary } from '#protocol/samples/encoder.ts'
import {
  type Address,
  buildSubject,
  type Kind,
  parseHostId,
  prefixOf,
  replySubject,
} from '#protocol/subjects/subject.ts'
import type { ControllerOptions } from './config.ts'
import { type Controller, startController } from './controller.ts'

export const token = 'a-token-of-the-operator'

export class Stage implements AsyncDisposable {
  readonly dataDir: string
  readonly clock: Clock
  readonly broker: MemoryBroker
  readonly #buses: Bus[] = []
  readonly #controllers: Controller[] = []

  private constructor(dataDir: string, clock: Clock) {
    this.dataDir = dataDir
    this.clock = clock
    this.broker = new MemoryBroker({ clock, logger: silentLogger })
  }

  static async open(clock: Clock): Promise<Stage> {
    return new Stage(await mkdtemp(join(tmpdir(), 'lanista-controller-')), clock)
  }

  options(more: Partial<ControllerOptions> = {}): ControllerOptions {
    return {
      dataDir: this.dataDir,
      httpHost: '127.0.0.1',
      httpPort: 0,
      tenant: 'main',
      connection: { brokerUrl: 'mqtt://127.0.0.1:1883', user: 'operator' },
      operatorToken: token,
      ...more,
    }
  }

  async controller(more: Partial<ControllerOptions> = {}): Promise<Controller> {
    const bus = this.broker.connect({ kind: 'controller' })
    this.#buses.push(bus)
    const controller = await startController(this.options(more), { bus, clock: this.clock, logger: silentLogger })
    this.#controllers.push(controller)
    return controller
  }

  async agent(id: string): Promise<StageAgent> {
    const address = parseHostId(id)
    const bus = this.broker.connect({ kind: 'agent', address })
    this.#buses.push(bus)
    await bus.up(AbortSignal.timeout(5000))
    return new StageAgent(address, bus)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const controller of this.#controllers) await controller.close()
    for (const bus of this.#buses) await bus.close()
    await rm(this.dataDir, { recursive: true, force: true })
  }
}

export class StageAgent {
  readonly acks: SamplesAck[] = []
  /** Subjects and JSON bodies of everything else it heard. */
  readonly heard: (readonly [subject: string, body: unknown])[] = []
  readonly #address: Address
  readonly #bus: Bus

  constructor(address: Address, bus: Bus) {
    this.#address = address
    this.#bus = bus
    const { tenant, cloud, host } = address
    const home = `lanista.${tenant}._home._controller`
    for (const pattern of [`${prefixOf(address)}.control.>`, `${home}.state`, `${home}.death.${cloud}.${host}`]) {
      bus.subscribe(pattern, ({ subject, body }) => {
        if (subject.includes('.control.ack.')) this.acks.push(parseAck(body))
        else if (subject.includes('.control.query.')) this.#answer(subject, body)
        else this.heard.push([subject, JSON.parse(Buffer.from(body).toString())])
      })
    }
  }

  /** What it answers to queries; undefined = nothing at all. It holds no samples, so by default it refuses. */
  answerQuery: (ask: QueryAsk) => Uint8Array | undefined = () =>
    encodeRefusal(new LanistaError('BUSY', 'ask later: an agent on a stage has no store'))

  #answer(subject: string, body: Uint8Array): void {
    const answer = this.answerQuery(parseQueryAsk(body))
    if (answer) this.#bus.publish(replySubject(subject), answer)
  }

  say(kind: Kind, body: object): void {
    this.#bus.publish(buildSubject(this.#address, kind), encodeJson(body))
  }

  birth(session: number, more: Partial<Birth> = {}): void {
    this.say('birth', {
      session,
      version: '1.2.3',
      pid: 4242,
      carbon: '127.0.0.1:2003',
      labels: { rack: 'r1' },
      inventory: { os: 'linux', cores: 2 },
      storeId: 's1',
      startedAtMs: 1,
      ...more,
    })
  }

  heartbeat(session: number, nowMs: number): void {
    this.say('heartbeat', { session, nowMs, load: 0.5, lagSamples: 7, dropped: 3 })
  }

  /** Sends one sample of each series as positions from `from` on, names included. */
  samples(from: number, timestampMs: number, values: Readonly<Record<string, number>>, storeId = 's1'): void {
    const names = Object.keys(values)
    const subject = buildSubject(this.#address, 'samples')
    this.#bus.publish(
      subject,
      encodeDictionary(
        storeId,
        0,
        names.map((name) => ({ name })),
      ),
    )
    const columns = {
      from,
      to: from + names.length - 1,
      seriesIds: Uint32Array.from(names.keys()),
      timestampsMs: Float64Array.from(names, () => timestampMs),
      values: Float64Array.from(Object.values(values)),
    }
    this.#bus.publish(subject, encodeBatch(storeId, columns))
  }
}
