import { filterOf, subjectOfTopic, topicOf } from '#protocol/subjects/mqtt.ts'
import { type AedesPublishPacket, type InsideBroker, packetOf } from './aedes-inside.ts'
import type { Connection, Receiver, SendOptions } from './connection.ts'
import { requestOf } from './embedded-gate.ts'

export interface LocalConnectionDeps {
  /** Would a request on this subject reach the host? */
  readonly isListening: (hostId: string, subject: string) => boolean
  readonly onSent: (subject: string) => void
  readonly onError: (error: unknown) => void
}

type Deliver = (packet: AedesPublishPacket, done: () => void) => void

/** The controller's way to an aedes in the same process: no socket, no login, no queue. */
export function localConnection(aedes: InsideBroker, receiver: Receiver, deps: LocalConnectionDeps): Connection {
  const listeners = new Map<string, Deliver>()
  let end: (reason: string) => void = () => {}
  const ended = new Promise<string>((resolve) => {
    end = resolve
  })
  const unsubscribe = (pattern: string): void => {
    const listener = listeners.get(pattern)
    if (listener) aedes.unsubscribe(filterOf(pattern), listener, () => {})
    listeners.delete(pattern)
  }
  const listen = (pattern: string): void => {
    const deliver = (packet: { topic: string; payload: Buffer | string }): void =>
      receiver.deliverTo(pattern, { subject: subjectOfTopic(packet.topic), body: Buffer.from(packet.payload) })
    const listener: Deliver = (packet, done) => {
      if (listeners.has(pattern)) deliver(packet)
      done()
    }
    listeners.set(pattern, listener)
    aedes.subscribe(filterOf(pattern), listener, () => {})
    const retained = aedes.persistence.createRetainedStreamCombi([filterOf(pattern)])
    retained.on('data', deliver).on('error', deps.onError)
  }
  return {
    subscribe: (patterns) => {
      for (const pattern of patterns) if (!listeners.has(pattern)) listen(pattern)
    },
    unsubscribe,
    send: (subject, body, options) => send(aedes, receiver, deps, subject, body, options),
    flush: () => Promise.resolve(),
    ended,
    close: async () => {
      for (const pattern of listeners.keys()) unsubscribe(pattern)
      end('closed')
    },
  }
}

function send(
  aedes: InsideBroker,
  receiver: Receiver,
  deps: LocalConnectionDeps,
  subject: string,
  body: Uint8Array,
  options: SendOptions,
): void {
  deps.onSent(subject)
  const request = options.replySubject === undefined ? undefined : requestOf(subject)
  if (request && !deps.isListening(request.hostId, subject)) {
    queueMicrotask(() => receiver.deliver({ subject: request.reply, body: new Uint8Array(0) }))
    return
  }
  aedes.publish(packetOf(topicOf(subject), body, options.retain), (error) => {
    if (error) deps.onError(error)
  })
}
