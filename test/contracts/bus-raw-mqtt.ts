/** A plain MQTT client for tests that go round our own checks; one attempt, no reconnecting. */
import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import { makeMqttPassword } from '#broker/mqtt-password.ts'
import type { NkeyPair } from '#broker/nkey.ts'

let lastMs = Date.now()

/** A fresh login of an agent. */
export function agentLogin(key: NkeyPair, hostId: string, session = 1): IClientOptions {
  lastMs = Math.max(lastMs + 1, Date.now())
  return { clientId: hostId, username: hostId, password: makeMqttPassword(key, hostId, { session, ms: lastMs }) }
}

/** Connected, or the error the broker refused with. */
export function rawMqtt(url: string, options: IClientOptions): Promise<MqttClient> {
  return new Promise((resolve, reject) => {
    const client = connect(url, { reconnectPeriod: 0, connectTimeout: 5_000, keepalive: 60, clean: true, ...options })
    client.once('connect', () => resolve(client))
    client.on('error', (error) => {
      client.end(true)
      reject(error)
    })
    client.once('close', () => reject(new Error('closed by the broker')))
  })
}

/** The granted QoS of each filter, 128 for a refusal. */
export function suback(client: MqttClient, filters: readonly string[]): Promise<readonly number[]> {
  return new Promise((resolve) => {
    client.subscribe([...filters], { qos: 0 }, (_error, _asked, answer) => resolve((answer?.granted ?? []).map(Number)))
  })
}

/** Publishes and pings: true when the ping is answered, false when the broker hangs up. */
export function publishes(
  client: MqttClient,
  topic: string,
  options: { qos?: 0 | 1; retain?: boolean } = {},
): Promise<boolean> {
  return new Promise((resolve) => {
    client.once('close', () => resolve(false))
    client.on('packetreceive', (packet) => packet.cmd === 'pingresp' && resolve(true))
    client.publish(topic, 'x', options)
    client.sendPing()
  })
}
