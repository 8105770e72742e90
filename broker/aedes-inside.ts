/**
 * What the embedded broker needs of aedes 1.2 that its types leave out. Private parts are named here and nowhere else; the
 * contract tests fail when a new version moves them.
 */

import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { Aedes, type AedesOptions, type AedesPublishPacket, type Client } from 'aedes'

export interface InsideClient extends Client {
  /** What has been read of the packet under way; `length` is the one its header announces. Private. */
  readonly _parser?: { readonly packet?: { readonly length?: number } }
  /** By topic filter. */
  readonly subscriptions: Readonly<Record<string, unknown>>
  /** Puts off a delivery until the socket has drained, and with it the publisher. */
  waitForDrain(done: (error: null, client: Client) => void): void
}

export interface InsideBroker extends Omit<Aedes, 'handle'> {
  handle(socket: Socket): InsideClient
  /** By client id; an object without prototype. */
  readonly clients: Readonly<Record<string, InsideClient>>
  readonly persistence: {
    /** An empty payload forgets. */
    storeRetained(packet: RetainedPacket): Promise<void>
    createRetainedStreamCombi(filters: readonly string[]): Readable
  }
}

interface RetainedPacket {
  readonly cmd: 'publish'
  readonly topic: string
  readonly payload: Buffer
  readonly qos: 0
  readonly retain: true
  readonly dup: false
}

export type { AedesPublishPacket, Client }

/** A broker that listens nowhere yet, with in-memory persistence. */
export async function createAedes(options: AedesOptions & { readonly maxTopicLevels: number }): Promise<InsideBroker> {
  return (await Aedes.createBroker(options)) as unknown as InsideBroker
}

/** A packet of ours, ready to publish. */
export function packetOf(topic: string, body: Uint8Array, retain: boolean): Parameters<Aedes['publish']>[0] {
  const payload = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  return { cmd: 'publish', topic, payload, qos: 0, retain, dup: false }
}
