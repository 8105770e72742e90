import { LanistaError, messageOf } from '#protocol/errors.ts'
import { backoffMs } from '#protocol/runtime/backoff.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import type { AgentEnd, AgentProcess, AgentReady } from './agent-process.ts'
import type { RestartPolicy } from './plan.ts'
import { afterEnd } from './restart.ts'

export interface SupervisorOptions {
  /** `T.C.H`, for people. */
  readonly id: string
  readonly restart: RestartPolicy
  /** Time an agent has to finish when it is stopped, ms. */
  readonly graceMs: number
}

export interface SupervisorDeps {
  readonly clock: Clock
  readonly logger: Logger
  /** Starts the agent; `last` is what the run before announced, so that it keeps its port. */
  readonly start: (last: AgentReady | undefined) => AgentProcess
}

/** Keeps one agent running as an init system would, until it is stopped. */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #deps: SupervisorDeps
  readonly #stopping = new AbortController()
  #process: AgentProcess
  #last: AgentReady | undefined
  readonly #loop: Promise<void>

  private constructor(options: SupervisorOptions, deps: SupervisorDeps) {
    this.#options = options
    this.#deps = deps
    this.#process = deps.start(undefined)
    this.#loop = this.#run()
  }

  /** Starts the agent and goes on in the background. */
  static start(options: SupervisorOptions, deps: SupervisorDeps): Supervisor {
    return new Supervisor(options, deps)
  }

  /**
   * What the first run announced.
   * @throws LanistaError AGENT_FAILED when it ended instead; `data.exitCode` is its own
   */
  async firstReady(): Promise<AgentReady> {
    const first = this.#process
    const ready = await first.ready
    if (ready) return ready
    const end = await first.ended
    throw new LanistaError('AGENT_FAILED', agentFailure(this.#options.id, end), {
      data: { id: this.#options.id, exitCode: end.code === 2 ? 2 : 1 },
    })
  }

  /** Stops the agent, if it runs, and starts it no more. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopped'))
    await this.#process.stop(this.#options.graceMs)
    await this.#loop
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#deps
    const { id, restart } = this.#options
    let failures = 0
    for (;;) {
      const startedAt = clock.monotonic()
      this.#last = (await this.#process.ready) ?? this.#last
      const end = await this.#process.ended
      if (this.#stopping.signal.aborted) return
      const decision = afterEnd(policyAfter(end, restart), failures, clock.monotonic() - startedAt)
      logger.warn({ id, ...end, next: decision.kind }, 'agent_ended')
      if (decision.kind === 'stay_dead') return
      failures = decision.failures
      if (!(await this.#wait(decision.waitMs)) || !(await this.#startAgain())) return
    }
  }

  /** Starts until it works: a full disk today must not keep the agent down tomorrow. False when stopped meanwhile. */
  async #startAgain(): Promise<boolean> {
    for (let attempt = 0; ; attempt++) {
      try {
        this.#process = this.#deps.start(this.#last)
        return true
      } catch (error) {
        this.#deps.logger.error({ id: this.#options.id, reason: messageOf(error) }, 'agent_not_started')
      }
      if (!(await this.#wait(backoffMs(attempt)))) return false
    }
  }

  /** False when stopped meanwhile. */
  async #wait(ms: number): Promise<boolean> {
    try {
      await this.#deps.clock.sleep(ms, this.#stopping.signal)
    } catch {
      return false
    }
    return !this.#stopping.signal.aborted
  }
}

/** A leave is no death: its outcome decides, whatever is to become of agents that die. */
function policyAfter({ departure }: AgentEnd, policy: RestartPolicy): RestartPolicy {
  if (departure === undefined) return policy
  return departure === 'left' ? 'never' : 'always'
}

function agentFailure(id: string, end: AgentEnd): string {
  const how = end.signal === null ? `exit code ${end.code ?? 1}` : `signal ${end.signal}`
  return `see to the agent ${id}: found ${how}${end.lastLine ? ` and ${JSON.stringify(end.lastLine)}` : ''}, expected it to open its intake`
}
