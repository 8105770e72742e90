import { networkInterfaces } from 'node:os'
import * as z from 'zod/mini'
import { type InstanceAllowList, instanceAllowListSchema } from './allow-list.ts'

/** What instances this host runs, and where they are reached. */
export interface InstancesConfig {
  readonly allow: InstanceAllowList
  /** This host's address inside its cloud: what peers connect to. Default the first of its addresses that is not its own loop. */
  readonly cloudAddress?: string | undefined
  /** Its address for everybody else. Default `cloudAddress`. */
  readonly publicAddress?: string | undefined
  /**
   * No other agent has `cloudAddress`: instances listen there alone, not on every address of the machine, so that hosts which share a machine
   * do not share its ports. Default false.
   */
  readonly isAddressOwn?: boolean | undefined
  /** Network device that is given `cloudAddress` while there are instances; needs root. Default none: the machine has the address. */
  readonly addressDevice?: string | undefined
  /** Socket of the Docker engine. Docker instances are run where it exists when the agent starts. Default `/var/run/docker.sock`. */
  readonly dockerSocket?: string | undefined
  /** Log-in to image registries, by their host name; `docker.io` for images without one. Default none. */
  readonly registries?: Readonly<Record<string, { readonly username: string; readonly password: string }>> | undefined
}

const text = z.string().check(z.minLength(1))

export const instancesConfigSchema: z.ZodMiniType<InstancesConfig> = z.strictObject({
  allow: instanceAllowListSchema,
  cloudAddress: z.optional(text),
  publicAddress: z.optional(text),
  isAddressOwn: z.optional(z.boolean()),
  addressDevice: z.optional(
    z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/, 'expected a network device')),
  ),
  dockerSocket: z.optional(text),
  registries: z.optional(z.record(text, z.strictObject({ username: text, password: text }))),
})

/** The first IPv4 address of this machine that others can reach; the loop where there is none. */
export function firstAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1'
}
