import type { Bus, BusMessage, BusSubscription } from '#broker/bus.ts'
import { isLanistaError } from '#protocol/errors.ts'
import { leftReason, parseBirth, parseDeath, parseHeartbeat } from '#protocol/messages/presence.ts'
import { type Address, cloudHost, controllerHost, homeCloud, parseSubject } from '#protocol/subjects/subject.ts'
import type { MembershipEvent } from './membership.ts'

type PresenceEvent = Extract<MembershipEvent, { readonly kind: 'birth' | 'heartbeat' | 'death' }>

/** Hears who is born and who dies in this cloud, and the heartbeats of those it is told to hear. */
export class RingPresence {
  readonly #address: Address
  readonly #bus: Pick<Bus, 'subscribe'>
  readonly #tell: (event: PresenceEvent) => void
  readonly #always: readonly BusSubscription[]
  #heartbeats: readonly BusSubscription[] = []
  #refused = 0

  constructor(address: Address, bus: Pick<Bus, 'subscribe'>, tell: (event: PresenceEvent) => void) {
    this.#address = address
    this.#bus = bus
    this.#tell = tell
    const { tenant, cloud } = address
    const peers = `lanista.${tenant}.${cloud}.*`
    const deaths = `lanista.${tenant}.${homeCloud}.${controllerHost}.death.${cloud}.>`
    this.#always = [
      this.#subscribe(`${peers}.birth`, (host, body) => {
        const { session, labels } = parseBirth(body)
        return { kind: 'birth', host, session, zone: (labels['zone'] ?? '').slice(0, 64) }
      }),
      this.#subscribe(`${peers}.death`, (host, body) => deathOf(host, body)),
      this.#subscribe(deaths, (_, body, subject) => deathOf(parseSubject(subject).rest.at(-1) ?? '', body)),
    ]
  }

  /** Messages that were no birth, heartbeat or death. */
  get refused(): number {
    return this.#refused
  }

  /** Hears the heartbeats of these hosts from now on; of all where `hosts` is undefined. */
  hear(hosts: readonly string[] | undefined): void {
    const { tenant, cloud } = this.#address
    const before = this.#heartbeats
    this.#heartbeats = (hosts ?? ['*']).map((host) =>
      this.#subscribe(`lanista.${tenant}.${cloud}.${host}.heartbeat`, (from, body) => {
        return { kind: 'heartbeat', host: from, session: parseHeartbeat(body).session }
      }),
    )
    for (const subscription of before) subscription.close()
  }

  close(): void {
    for (const subscription of [...this.#always, ...this.#heartbeats]) subscription.close()
  }

  #subscribe(
    pattern: string,
    parse: (host: string, body: Uint8Array, subject: string) => PresenceEvent,
  ): BusSubscription {
    return this.#bus.subscribe(pattern, ({ subject, body }: BusMessage) => {
      const { host } = parseSubject(subject).address
      if (host === cloudHost) return
      try {
        this.#tell(parse(host, body, subject))
      } catch (error) {
        if (!isLanistaError(error, 'MESSAGE_INVALID')) throw error
        this.#refused++
      }
    })
  }
}

function deathOf(host: string, body: Uint8Array): PresenceEvent {
  const { session, reason } = parseDeath(body)
  return { kind: 'death', host, session, leaves: reason === leftReason }
}
