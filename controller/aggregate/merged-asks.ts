/** Asks clouds for what they merged and nobody here heard: those of its agents that spoke last, or, where none did, whoever is there. */
import type { Bus } from '#broker/bus.ts'
import { newId } from '#controller/query/holder.ts'
import { encodeMergedAsk, mergedWindowsMax } from '#protocol/messages/merged-ask.ts'
import type { WindowName } from '#protocol/monitors/wide-core.ts'
import { isGone } from '#protocol/presence/presence.ts'
import { buildSubject } from '#protocol/subjects/subject.ts'
import type { CloudHosts } from './merged-doubt.ts'

/** Agents of a cloud that are remembered for having spoken, and that are asked. */
const speakersMax = 16
/** Agents of a cloud that are asked where nobody spoke yet. */
const strangersMax = 200

export class MergedAsks {
  readonly #tenant: string
  readonly #bus: Pick<Bus, 'publish'>
  /** By cloud, the last one behind. */
  readonly #speakers = new Map<string, Set<string>>()

  constructor(tenant: string, bus: Pick<Bus, 'publish'>) {
    this.#tenant = tenant
    this.#bus = bus
  }

  /** A host spoke for its cloud. */
  note(cloud: string, host: string): void {
    const speakers = this.#speakers.get(cloud) ?? new Set()
    this.#speakers.set(cloud, speakers)
    speakers.delete(host)
    speakers.add(host)
    const [oldest] = speakers
    if (speakers.size > speakersMax && oldest !== undefined) speakers.delete(oldest)
  }

  /** Asks for windows of a cloud. What cannot be sent now is asked for again. */
  ask(cloud: string, hosts: CloudHosts, windows: readonly WindowName[]): void {
    const there = [...hosts].filter(([, state]) => !isGone(state)).map(([host]) => host)
    const speakers = there.filter((host) => this.#speakers.get(cloud)?.has(host))
    const asked = speakers.length > 0 ? speakers : there.slice(0, strangersMax)
    for (let i = 0; i < windows.length; i += mergedWindowsMax) {
      const body = encodeMergedAsk({ windows: windows.slice(i, i + mergedWindowsMax) })
      for (const host of asked) this.#send({ cloud, host }, body)
    }
  }

  #send(place: { readonly cloud: string; readonly host: string }, body: Uint8Array): void {
    try {
      this.#bus.publish(buildSubject({ tenant: this.#tenant, ...place }, 'control', 'merged', newId()), body)
    } catch {
      // the broker is away: what it brings when it is back is asked for then
    }
  }
}
