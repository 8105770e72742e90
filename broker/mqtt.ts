/** The MQTT driver: one connection of mqtt.js without its own reconnecting (options: shared/reference/bus-proof.md §4). */
import { connect as connectSocket, type Socket } from 'node:net'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { filterOf, subjectOfTopic, topicOf } from '#protocol/subjects/mqtt.ts'
import { type Connection, type Dial, dialTimeoutMs, type Receiver, type SendOptions } from './connection.ts'
import type { MqttClient } from './mqtt-client.ts'

/** One login. */
export interface MqttLogin {
  readonly clientId: string
  readonly user: string
  readonly password: string
}

/** Published by the broker when the connection breaks without a goodbye. */
export interface Will {
  readonly subject: string
  readonly body: Uint8Array
}

export interface MqttDialOptions {
  readonly clock: Pick<Clock, 'after'>
  /** Called at every dial, so that each login is a fresh one. */
  readonly login: () => MqttLogin
  /** Called at every dial, so that it names the session of that login. */
  readonly will?: (() => Will) | undefined
}

/** A frozen broker is noticed after 1.25 to 1.5 of these. */
const keepaliveSeconds = 15
/** A broker that does not take our goodbye within this time, ms, is cut. */
const goodbyeMs = 1_000

/** Dials `mqtt://host:port`. */
export function mqttDial(options: MqttDialOptions): Dial {
  return async (address, receiver) => {
    const client = await import('./mqtt-client.ts')
    return await dial(client.MqttClient, new URL(address), options, receiver)
  }
}

function dial(Client: typeof MqttClient, url: URL, options: MqttDialOptions, receiver: Receiver): Promise<Connection> {
  const { clientId, user, password } = options.login()
  const will = options.will?.()
  return new Promise((resolve, reject) => {
    const client = new Client(() => openSocket(url), {
      clientId,
      username: user,
      password,
      ...(will && { will: { topic: topicOf(will.subject), payload: Buffer.from(will.body), qos: 0, retain: false } }),
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      keepalive: keepaliveSeconds,
      reschedulePings: false,
      connectTimeout: dialTimeoutMs,
      timerVariant: 'native',
    })
    const link = new MqttLink(client, receiver, options.clock)
    client.once('connect', () => resolve(link))
    link.ended.then((reason) => reject(new LanistaError('NOT_UP', `dial again: ${url.host} says ${reason}`)), reject)
  })
}

/** Without TCP_NODELAY the second of two small messages waits 43 ms. */
function openSocket(url: URL): Socket {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  return connectSocket({ host, port: Number(url.port || 1883), noDelay: true })
}

class MqttLink implements Connection {
  readonly ended: Promise<string>
  readonly #client: MqttClient
  readonly #receiver: Receiver
  readonly #clock: Pick<Clock, 'after'>
  /** One entry for each ping on its way, ours or the keepalive's; answers come in order. */
  #pings: (() => void)[] = []
  readonly #subscribing = new Set<Promise<void>>()
  /** aedes forgets a subscription that is made again before its end is confirmed, so the new one waits. */
  readonly #unsubscribing = new Map<string, Promise<void>>()
  #onPong: () => void = () => {}
  #lastError = 'the connection was closed'

  constructor(client: MqttClient, receiver: Receiver, clock: Pick<Clock, 'after'>) {
    this.#client = client
    this.#receiver = receiver
    this.#clock = clock
    client.on('error', (error) => {
      this.#lastError = messageOf(error)
      client.end(true)
    })
    client.on('message', (topic, body) => this.#receive(topic, body))
    client.on('packetsend', (packet) => {
      if (packet.cmd === 'pingreq') this.#pings.push(this.#onPong)
    })
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'pingresp') this.#pings.shift()?.()
    })
    this.ended = new Promise((resolve) => client.once('close', () => resolve(this.#lastError)))
  }

  /** Asked again for a pattern, the broker sends what is retained once more, so a later handler hears it too. */
  subscribe(patterns: readonly string[]): void {
    if (patterns.length === 0) return
    const ending = patterns.flatMap((pattern) => this.#unsubscribing.get(pattern) ?? [])
    const asked = ending.length > 0 ? Promise.all(ending).then(() => this.#ask(patterns)) : this.#ask(patterns)
    const answered: Promise<void> = asked.then(() => {
      this.#subscribing.delete(answered)
    })
    this.#subscribing.add(answered)
  }

  unsubscribe(pattern: string): void {
    const ended: Promise<void> = Promise.all(this.#subscribing)
      .then(() => new Promise<void>((resolve) => this.#client.unsubscribe(filterOf(pattern), () => resolve())))
      .then(() => {
        if (this.#unsubscribing.get(pattern) === ended) this.#unsubscribing.delete(pattern)
      })
    this.#unsubscribing.set(pattern, ended)
  }

  send(subject: string, body: Uint8Array, options: SendOptions): void {
    const payload = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    this.#client.publish(topicOf(subject), payload, { qos: 0, retain: options.retain })
  }

  /** QoS 0 has no acknowledgement: a ping behind everything sent, and its answer, are one. */
  async flush(): Promise<void> {
    const flushed = Promise.all(this.#subscribing).then(() => this.#ping())
    const ended = this.ended.then((reason) => {
      throw new LanistaError('NOT_UP', `flush later: ${reason}`)
    })
    await Promise.race([flushed, ended])
  }

  async close(): Promise<void> {
    this.#lastError = 'closed'
    this.#client.end(!this.#client.connected)
    const cancel = this.#clock.after(goodbyeMs, () => this.#client.stream.destroy())
    await this.ended
    cancel()
  }

  /** Resolves with the broker's answer, or when the connection ends. */
  #ask(patterns: readonly string[]): Promise<void> {
    return new Promise((resolve) => {
      this.#client.subscribe(patterns.map(filterOf), { qos: 0 }, (_error, _asked, answer) => {
        for (const [i, code] of answer?.granted.entries() ?? []) {
          if (Number(code) > 2) this.#receiver.refusedByBroker(`subscribe ${patterns[i]}`)
        }
        resolve()
      })
    })
  }

  #ping(): Promise<void> {
    return new Promise((resolve) => {
      this.#onPong = resolve
      this.#client.sendPing()
      this.#onPong = () => {}
    })
  }

  #receive(topic: string, body: Uint8Array): void {
    try {
      this.#receiver.deliver({ subject: subjectOfTopic(topic), body })
    } catch (error) {
      this.#receiver.refusedByBroker(`a message with ${messageOf(error)}`)
    }
  }
}
