/** Asks the agents for their rings, each for what it sees. */
import { isLanistaError } from '#protocol/errors.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import { parseJsonAnswer } from '#protocol/query/answer.ts'
import { ringStatusSchema } from '#protocol/query/ring-status.ts'
import { type Address, buildSubject, hostIdOf } from '#protocol/subjects/subject.ts'
import { forEachAtOnce } from './at-once.ts'
import { type HolderDeps, newId } from './holder.ts'
import { type HostChoice, type PossibleHost, planHosts } from './plan.ts'
import { type RingAnswer, type RingView, ringViews } from './ring-view.ts'

/** Agents asked at once. */
const agentsAtOnceMax = 64
/** A status is at hand: whoever needs longer does not answer, ms. */
const statusDeadlineMs = 3_000

export interface RingQueriesDeps extends Pick<HolderDeps, 'bus'> {
  /** Every host that is known, present or not. */
  readonly hosts: () => Iterable<PossibleHost>
}

export class RingQueries {
  readonly #deps: RingQueriesDeps

  constructor(deps: RingQueriesDeps) {
    this.#deps = deps
  }

  /** Every chosen host by cloud and name. Throws SELECTOR_INVALID; the signal's reason. */
  async ask(choice: HostChoice, signal: AbortSignal): Promise<readonly RingView[]> {
    const hosts = [...this.#deps.hosts()]
    const states = new Map(hosts.map(({ address, state }) => [hostIdOf(address), state]))
    const answers: RingAnswer[] = []
    await forEachAtOnce(planHosts(hosts, choice), agentsAtOnceMax, async ({ owner, holders }) => {
      const state = states.get(hostIdOf(owner)) ?? 'unknown'
      const answer = holders.length > 0 ? await this.#askOne(owner, signal) : absent
      answers.push({ address: owner, state, ...answer })
    })
    return ringViews(answers)
  }

  async #askOne(host: Address, signal: AbortSignal): Promise<Pick<RingAnswer, 'ring' | 'status'>> {
    const subject = buildSubject(host, 'control', 'ring', newId())
    try {
      const answer = await this.#deps.bus.request(subject, encodeJson({}), { signal, deadlineMs: statusDeadlineMs })
      return { ring: 'member', status: parseJsonAnswer(answer, ringStatusSchema, 'status of a ring') }
    } catch (error) {
      if (signal.aborted || !isLanistaError(error)) throw error
      return error.code === 'NO_ONE_THERE' || error.data['refused'] === true ? absent : silent
    }
  }
}

const absent = { ring: 'absent', status: undefined } as const
const silent = { ring: 'silent', status: undefined } as const
