/** The broker of a fleet and the controller's bus on it, whichever of the four kinds it is. */
import type { Bus } from '#broker/bus.ts'
import type { BrokerUser } from '#broker/credentials.ts'
import { EmbeddedBroker, type EmbeddedBrokerCounters } from '#broker/embedded.ts'
import { openBus } from '#broker/open-bus.ts'
import { isLanistaError, LanistaError } from '#protocol/errors.ts'
import { everyTenant } from '#protocol/permissions.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { Closer } from '#protocol/runtime/closer.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { version } from '#protocol/runtime/version.ts'
import type { FleetUsers } from './fleet-users.ts'
import { openLeaves } from './leaves.ts'
import type { Ledger } from './ledger.ts'
import { NatsKeeper } from './nats-keeper.ts'
import type { FleetPlan, ListenAt } from './plan.ts'

/** A broker that answers, and the controller's way to it. */
export interface FleetBroker {
  /** What operators dial, and every agent that has no leaf server. */
  readonly url: string
  /** What the agents of a cloud dial in its stead, by cloud. */
  readonly leaves: ReadonlyMap<string, string>
  readonly bus: Bus
  /** Of a broker in our own process. */
  readonly counters?: (() => EmbeddedBrokerCounters) | undefined
  /** Closes the bus, then the broker if it is ours. Idempotent. */
  close(): Promise<void>
}

export interface FleetBrokerDeps {
  readonly ledger: Ledger
  readonly clock: Clock
  readonly logger: Logger
  readonly onChildLog: (line: string) => void
}

const alone = { name: 'nats-server', place: { kind: 'alone' } } as const

/** Longest wait for somebody's broker at the start, ms; afterwards the bus reconnects for ever. */
const brokerDeadlineMs = 15_000

/**
 * Opens the broker that the plan names, knowing all users, and returns once the controller's bus is up.
 * @throws LanistaError PORT_IN_USE, LISTEN_FAILED, NATS_SERVER_MISSING, BROKER_UNREACHABLE; the signal's reason
 */
export async function openFleetBroker(
  plan: FleetPlan,
  users: FleetUsers,
  deps: FleetBrokerDeps,
  signal: AbortSignal,
): Promise<FleetBroker> {
  const closer = new Closer()
  try {
    const { url, bus, counters, leaves = new Map() } = await openKind(plan, users, deps, closer, signal)
    await waitUntilUp(bus, url, plan, deps.clock, signal)
    return { url, leaves, bus, counters, close: () => closer.close() }
  } catch (error) {
    await closer.close()
    throw error
  }
}

/** Everybody whom the broker lets in. */
export function brokerUsers(users: FleetUsers): BrokerUser[] {
  const { operator, controllerKey, agents } = users
  return [
    { kind: 'controller', publicKey: controllerKey.publicKey },
    { kind: 'operator', tenant: everyTenant, ...operator },
    ...agents.map(({ address, publicKey }) => ({ kind: 'agent' as const, address, publicKey })),
  ]
}

interface OpenedBroker {
  readonly url: string
  readonly bus: Bus
  readonly counters?: () => EmbeddedBrokerCounters
  readonly leaves?: ReadonlyMap<string, string>
}

async function openKind(
  plan: FleetPlan,
  users: FleetUsers,
  deps: FleetBrokerDeps,
  closer: Closer,
  signal: AbortSignal,
): Promise<OpenedBroker> {
  switch (plan.broker.kind) {
    case 'embedded':
      return openEmbedded(plan.broker.listen, users, deps, closer)
    case 'nats-server': {
      const kept = { ...alone, listen: plan.broker.listen, users: brokerUsers(users) }
      const { url } = closer.use('nats-server', await NatsKeeper.start(kept, plan.dataDir, deps))
      return { url, bus: closer.use('bus', openControllerBus(url, users, deps)) }
    }
    case 'nats-leaves': {
      const { url, leaves } = await openLeaves(plan.broker, plan.dataDir, brokerUsers(users), deps, closer, signal)
      return { url, leaves, bus: closer.use('bus', openControllerBus(url, users, deps)) }
    }
    case 'nats-url':
      return { url: plan.broker.url, bus: closer.use('bus', openControllerBus(plan.broker.url, users, deps)) }
  }
}

async function openEmbedded(
  listen: ListenAt,
  users: FleetUsers,
  deps: FleetBrokerDeps,
  closer: Closer,
): Promise<OpenedBroker> {
  const broker = closer.use('embedded broker', await EmbeddedBroker.open(listen, deps))
  for (const user of brokerUsers(users)) await broker.addUser(user)
  return { url: broker.url, bus: closer.use('bus', broker.localBus()), counters: () => broker.counters }
}

function openControllerBus(url: string, users: FleetUsers, deps: FleetBrokerDeps): Bus {
  const session = Math.floor(deps.clock.now() / 1000)
  return openBus(
    {
      url,
      role: { kind: 'controller' },
      credential: { kind: 'nkey', seed: users.controllerKey.seed, session: () => session },
      name: `_controller/${version}`,
    },
    { clock: deps.clock, logger: deps.logger.child({ component: 'bus' }) },
  )
}

async function waitUntilUp(bus: Bus, url: string, plan: FleetPlan, clock: Clock, signal: AbortSignal): Promise<void> {
  const deadline = new AbortController()
  const cancel = clock.after(brokerDeadlineMs, () => deadline.abort(new Error('deadline')))
  try {
    await bus.up(AbortSignal.any([signal, deadline.signal]))
  } catch (error) {
    if (signal.aborted) throw signal.reason
    if (isLanistaError(error) && !deadline.signal.aborted) throw error
    const hint =
      plan.broker.kind === 'nats-url' ? ', and give it the users that "lanista up --print-nats-config" prints' : ''
    throw new LanistaError(
      'BROKER_UNREACHABLE',
      `start the broker that --broker names${hint}: found no login at ${url} within ${brokerDeadlineMs / 1000} s`,
      { cause: error, data: { url } },
    )
  } finally {
    cancel()
  }
}
