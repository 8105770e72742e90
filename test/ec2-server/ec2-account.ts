/** What one account of the EC2 server has: its instances, groups and keys, and the faults it is under. */
import type { Clock } from '#protocol/runtime/clock.ts'
import type { BootedVm, VmHost } from './vm-host.ts'

export type InstanceState = 'pending' | 'running' | 'shutting-down' | 'terminated'

export interface Instance {
  readonly id: string
  readonly region: string
  readonly zone: string
  readonly imageId: string
  readonly type: string
  readonly keyName: string | undefined
  readonly groupIds: readonly string[]
  readonly tags: Map<string, string>
  readonly clientToken: string
  /** The parameters it was asked for with. */
  readonly fingerprint: string
  readonly launchedMs: number
  readonly isPublic: boolean
  readonly httpTokens: string
  readonly hopLimit: number
  state: InstanceState
  /** When the state became `terminated`. */
  endedMs: number
  vm: BootedVm | undefined
  booting: Promise<void> | undefined
  /** What the host said of a boot that came to nothing. */
  bootFailure: unknown
  /** Ends a boot under way. */
  readonly stop: AbortController
}

export interface SecurityGroup {
  readonly id: string
  readonly name: string
  readonly region: string
  readonly tags: ReadonlyMap<string, string>
  /** `tcp 80-80 0.0.0.0/0`. */
  readonly rules: Set<string>
}

/** Switches of a test. */
export interface Ec2Faults {
  /** Time until an instance is shown, ms. */
  visibilityMs: number
  /** So many requests are refused for their pace. */
  throttled: number
  /** Answers that are lost after the work was done, and requests that never arrive, by action. */
  readonly lostAnswers: Map<string, number>
  readonly lostRequests: Map<string, number>
  /** Refuses to launch: no room, or the account's limit. */
  isFull: boolean
  isOverQuota: boolean
  /** Rows on a page at most. */
  pageSize: number
}

export interface Ec2AccountDeps {
  readonly host: VmHost
  readonly clock: Clock
}

export class Ec2Account {
  readonly instances: Map<string, Instance> = new Map()
  readonly groups: Map<string, SecurityGroup> = new Map()
  /** Public keys by region and name. */
  readonly keys: Map<string, string> = new Map()
  readonly faults: Ec2Faults = {
    visibilityMs: 0,
    throttled: 0,
    lostAnswers: new Map(),
    lostRequests: new Map(),
    isFull: false,
    isOverQuota: false,
    pageSize: 1000,
  }
  readonly host: VmHost
  readonly clock: Clock
  readonly #ends = new Set<Promise<void>>()
  #made = 0

  constructor({ host, clock }: Ec2AccountDeps) {
    this.host = host
    this.clock = clock
  }

  /** `i-000…1`, `sg-000…2`: 17 hexadecimal digits. */
  nextId(prefix: string): string {
    this.#made++
    return `${prefix}-${this.#made.toString(16).padStart(17, '0')}`
  }

  /** Whether lists show it: not before its time, nor longer than an hour after its end. */
  isShown(instance: Instance): boolean {
    const nowMs = this.clock.now()
    return nowMs >= instance.launchedMs + this.faults.visibilityMs && nowMs < instance.endedMs + 3_600_000
  }

  /** Boots it behind the request's back. */
  boot(instance: Instance, userData: string): void {
    instance.booting = this.#booted(instance, userData)
  }

  end(instance: Instance): void {
    if (instance.state === 'shutting-down' || instance.state === 'terminated') return
    instance.state = 'shutting-down'
    instance.stop.abort(new Error('terminated'))
    const ended = this.#ended(instance).finally(() => this.#ends.delete(ended))
    this.#ends.add(ended)
  }

  /** Waits until every VM that was told to end has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#ends)
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** Ends every VM and waits for it. */
  async close(): Promise<void> {
    for (const instance of this.instances.values()) this.end(instance)
    await Promise.all(this.#ends)
  }

  /** A VM that does not come up stays pending, as on the real thing. */
  async #booted(instance: Instance, userData: string): Promise<void> {
    try {
      instance.vm = await this.host.boot({ id: instance.id, userData }, instance.stop.signal)
      if (instance.state === 'pending') instance.state = 'running'
    } catch (error) {
      instance.bootFailure = error
    }
  }

  async #ended(instance: Instance): Promise<void> {
    await instance.booting
    await instance.vm?.stop()
    instance.state = 'terminated'
    instance.endedMs = this.clock.now()
  }
}
