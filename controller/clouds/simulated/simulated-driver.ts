/** The driver of a simulated cloud: the shell that brings time, latency, lost answers and the retries of any driver. */
import type { Clock } from '#protocol/runtime/clock.ts'
import { CloudCalls, type CloudCallsOptions } from '../cloud-calls.ts'
import type {
  CallLimits,
  CloudCapabilities,
  CloudDriver,
  CloudOffers,
  TerminateOutcome,
  Vm,
  VmSpec,
} from '../cloud-driver.ts'
import { cloudError } from '../cloud-error.ts'
import { checkSpec } from '../vm-tags.ts'
import type { SimulatedCloud } from './simulated-cloud.ts'

/** What a test may put between driver and cloud: called before each request, and again before its answer is given. */
export type SimulatedGate = (operation: string, stage: 'request' | 'answer') => void

export interface SimulatedDriverDeps {
  readonly cloud: SimulatedCloud
  readonly clock: Clock
  /** Throws whatever should come instead. */
  readonly gate?: SimulatedGate | undefined
}

export class SimulatedDriver implements CloudDriver {
  readonly capabilities: CloudCapabilities
  readonly #cloud: SimulatedCloud
  readonly #clock: Clock
  readonly #gate: SimulatedGate | undefined
  readonly #calls: CloudCalls

  constructor(options: CloudCallsOptions, { cloud, clock, gate }: SimulatedDriverDeps) {
    this.#cloud = cloud
    this.#clock = clock
    this.#gate = gate
    this.#calls = new CloudCalls(options, { clock, random: cloud.random })
    this.capabilities = {
      isTokenAtomic: true,
      remembersSpentTokens: true,
      isRoomToldLate: false,
      userDataBytesMax: 16_384,
      visibleWithinMs: cloud.options.visibilityMs ?? 0,
      hasPorts: true,
      hasKeys: true,
      hasPublicAddresses: true,
      hasPrices: true,
      hasQuotas: true,
    }
  }

  async ensure(spec: VmSpec, token: string, limits: CallLimits): Promise<Vm> {
    checkSpec(spec, token, this.capabilities)
    return await this.#ask('run', limits, (nowMs) => this.#cloud.run(spec, token, nowMs))
  }

  async *list(owner: string, limits: CallLimits): AsyncIterable<Vm> {
    const call = this.#calls.begin(limits)
    let from: number | undefined = 0
    while (from !== undefined) {
      const start: number = from
      const page = await call('list', (signal) =>
        this.#request('list', signal, (nowMs) => this.#cloud.page(owner, start, nowMs)),
      )
      yield* page.vms
      from = page.next
    }
  }

  async terminate(id: string, owner: string, limits: CallLimits): Promise<TerminateOutcome> {
    return await this.#ask('terminate', limits, (nowMs) => this.#cloud.terminate(id, owner, nowMs))
  }

  async discover(limits: CallLimits): Promise<CloudOffers> {
    return await this.#ask('discover', limits, (nowMs) => this.#cloud.offers(nowMs))
  }

  async close(): Promise<void> {
    this.#calls.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #ask<T>(operation: string, limits: CallLimits, work: (nowMs: number) => T): Promise<T> {
    return await this.#calls.begin(limits)(operation, (signal) => this.#request(operation, signal, work))
  }

  async #request<T>(operation: string, signal: AbortSignal, work: (nowMs: number) => T): Promise<T> {
    const { latencyMs: [shortest, longest] = [0, 0], lostAnswers = 0 } = this.#cloud.options
    if (longest > 0) await this.#clock.sleep(shortest + this.#cloud.random() * (longest - shortest), signal)
    this.#cloud.admit(this.#clock.monotonic())
    this.#gate?.(operation, 'request')
    const answer = work(this.#clock.now())
    if (lostAnswers > 0 && this.#cloud.random() < lostAnswers) {
      throw cloudError('CLOUD_TRANSIENT', `the answer to ${operation} was lost`)
    }
    this.#gate?.(operation, 'answer')
    return answer
  }
}
