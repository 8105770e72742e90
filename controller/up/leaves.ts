/** A hub and one leaf server a cloud, as they would stand in real clouds, all on this machine. */
import type { BrokerUser } from '#broker/credentials.ts'
import type { LeafLogin } from '#broker/leaf-config.ts'
import type { Closer } from '#protocol/runtime/closer.ts'
import { openLeafLogin } from './credentials.ts'
import { NatsKeeper, type NatsKeeperDeps } from './nats-keeper.ts'
import type { PlannedBroker } from './plan.ts'

type PlannedLeaves = Extract<PlannedBroker, { kind: 'nats-leaves' }>

/** What to dial: at the hub, and at the leaf of each cloud. */
export interface OpenedLeaves {
  readonly url: string
  readonly leaves: ReadonlyMap<string, string>
}

/**
 * Starts the hub, then the leaves, and returns once each lets its users in; a link may come up a moment later. All are kept
 * running until `closer` closes, leaves first.
 * @throws LanistaError PORT_IN_USE, NATS_SERVER_MISSING, NATS_SERVER_FAILED, SECRET_UNREADABLE, DATA_DIR_UNWRITABLE; the
 * signal's reason
 */
export async function openLeaves(
  plan: PlannedLeaves,
  dataDir: string,
  users: readonly BrokerUser[],
  deps: NatsKeeperDeps,
  closer: Closer,
  signal: AbortSignal,
): Promise<OpenedLeaves> {
  const logins = plan.clouds.map((cloud) => openLeafLogin(dataDir, cloud))
  const hub = closer.use('hub', await startHub(plan, dataDir, users, logins, deps))
  const leaves = new Map<string, string>()
  for (const login of logins) {
    signal.throwIfAborted()
    const leaf = await startLeaf(plan, dataDir, users, login, hub.leafPort, deps)
    leaves.set(login.cloud, closer.use(`leaf of ${login.cloud}`, leaf).url)
  }
  return { url: hub.url, leaves }
}

function startHub(
  { listen }: PlannedLeaves,
  dataDir: string,
  users: readonly BrokerUser[],
  leaves: readonly LeafLogin[],
  deps: NatsKeeperDeps,
): Promise<NatsKeeper> {
  const clouds = new Set(leaves.map((login) => login.cloud))
  const atHub = users.filter((user) => user.kind !== 'agent' || !clouds.has(user.address.cloud))
  const place = { kind: 'hub', leafPort: 0, leaves } as const
  return NatsKeeper.start({ name: 'nats-server', listen, users: atHub, place }, dataDir, deps)
}

function startLeaf(
  { listen }: PlannedLeaves,
  dataDir: string,
  users: readonly BrokerUser[],
  login: LeafLogin,
  hubPort: number,
  deps: NatsKeeperDeps,
): Promise<NatsKeeper> {
  const ofCloud = users.filter((user) => user.kind === 'agent' && user.address.cloud === login.cloud)
  const place = { kind: 'leaf', login, hub: { host: listen.host, port: hubPort } } as const
  const at = { host: listen.host, port: 0 }
  return NatsKeeper.start({ name: `nats-leaf-${login.cloud}`, listen: at, users: ofCloud, place }, dataDir, deps)
}
