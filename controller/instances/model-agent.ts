/** An agent that carries orders about instances out at once, on the stage's bus: for tests. */
import type { Bus } from '#broker/bus.ts'
import type { Stage } from '#controller/stage.ts'
import { instanceVerbs } from '#protocol/instances/instance-orders.ts'
import type { InstancesReport } from '#protocol/instances/instance-report.ts'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import type { InstanceStatus } from '#protocol/instances/status.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import type { Birth } from '#protocol/messages/presence.ts'
import { decodeOrder } from '#protocol/orders/envelope-decoder.ts'
import type { Order } from '#protocol/orders/order.ts'
import { encodeReport } from '#protocol/orders/report.ts'
import { encodeJsonAnswer } from '#protocol/query/answer.ts'
import { type Address, buildSubject, parseHostId, prefixOf, replySubject } from '#protocol/subjects/subject.ts'

export class ModelAgent {
  /** Verbs and ids of the instances, in order. */
  readonly orders: string[] = []
  readonly specs: Map<string, InstanceSpec> = new Map()
  readonly statuses: Map<string, InstanceStatus> = new Map()
  readonly #address: Address
  readonly #bus: Bus
  #session = 0

  private constructor(address: Address, bus: Bus) {
    this.#address = address
    this.#bus = bus
    bus.subscribe(`${prefixOf(address)}.order.>`, ({ subject, body }) =>
      this.#order(
        subject,
        decodeOrder(body, () => true),
      ),
    )
    bus.subscribe(`${prefixOf(address)}.control.instances.>`, ({ subject }) => this.#report(subject))
  }

  static async join(stage: Stage, id: string): Promise<ModelAgent> {
    const address = parseHostId(id)
    const bus = stage.broker.connect({ kind: 'agent', address })
    await bus.up(AbortSignal.timeout(5000))
    return new ModelAgent(address, bus)
  }

  born(session: number): void {
    this.#session = session
    const facts: Pick<Birth, 'labels' | 'inventory'> = { labels: {}, inventory: { cores: 4, memory_bytes: 8e9 } }
    const birth: Birth = { session, version: '1', pid: 1, storeId: 's', journal: 'j', startedAtMs: 1, ...facts }
    this.#bus.publish(buildSubject(this.#address, 'birth'), encodeJson(birth))
  }

  died(): void {
    const death = { session: this.#session, reason: 'stopped' }
    this.#bus.publish(buildSubject(this.#address, 'death'), encodeJson(death))
  }

  leave(): Promise<void> {
    return this.#bus.close()
  }

  #report(subject: string): void {
    const instances = [...this.statuses.values()]
    const report: InstancesReport = { session: this.#session, system: 'linux', isolations: ['directory'], instances }
    this.#bus.publish(replySubject(subject), encodeJsonAnswer(report))
  }

  #order(subject: string, { id, journal, verb, body }: Order): void {
    const result = this.#carryOut(verb, JSON.parse(body))
    const report = { id, journal, state: 'done', ...(result === undefined ? {} : { result }) } as const
    this.#bus.publish(replySubject(subject), encodeReport(report))
  }

  #carryOut(verb: string, body: InstanceSpec): string | undefined {
    this.orders.push(`${verb} ${body.id}`)
    if (verb === instanceVerbs.exec) return JSON.stringify({ code: 3, signal: null, output: 'hi\n', isTimedOut: false })
    if (verb === instanceVerbs.remove) {
      this.specs.delete(body.id)
      this.statuses.delete(body.id)
    } else if (verb === instanceVerbs.apply) {
      this.specs.set(body.id, body)
      const { id, application, component, generation } = body
      const state = body.isWanted ? 'running' : 'stopped'
      const instance = {
        id,
        application,
        component,
        generation,
        state,
        restarts: 0,
        sinceMs: 1,
        endpoints: {},
      } as const
      this.statuses.set(id, instance)
      this.#bus.publish(buildSubject(this.#address, 'event', 'instance'), encodeJson({ t: 1, application, instance }))
    }
    return undefined
  }
}
