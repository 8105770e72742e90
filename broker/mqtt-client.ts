/**
 * `MqttClient` alone: `mqtt` itself would bring WebSockets and SOCKS into the agent, 135 KB. It is a CommonJS module with a
 * default export, which Node and esbuild hand over inside its namespace, vitest unwrapped. The build makes a file of its own of it, loaded
 * by the first dial: an agent on NATS has no need of it.
 */
import client from 'mqtt/lib/client'

type Namespace = typeof client

const found: unknown = client
export const MqttClient: Namespace['default'] =
  typeof found === 'function' ? (found as Namespace['default']) : client.default
export type MqttClient = InstanceType<Namespace['default']>
