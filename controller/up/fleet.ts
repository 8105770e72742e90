/** One controller, its broker and the agents beside it: built in the order in which samples flow, closed in reverse. */
import { join } from 'node:path'
import { type Controller, startController } from '#controller/controller.ts'
import type { KeyPlace } from '#controller/secrets/key-file.ts'
import { messageOf } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { Closer } from '#protocol/runtime/closer.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { unlessAborted } from '#protocol/runtime/unless-aborted.ts'
import { hostIdOf } from '#protocol/subjects/subject.ts'
import { portOf, writeAgentConfig } from './agent-config.ts'
import { AgentProcess } from './agent-process.ts'
import type { OperatorCredential } from './credentials.ts'
import { type FleetBroker, openFleetBroker } from './fleet-broker.ts'
import { type FleetUsers, openUsers } from './fleet-users.ts'
import { expectFreePort } from './free-port.ts'
import { type HostAddress, hostAddresses } from './host-addresses.ts'
import type { Ledger } from './ledger.ts'
import type { FleetPlan, PlannedHost } from './plan.ts'
import { identifyProcess } from './process-identity.ts'
import { reapOrphans } from './reap.ts'
import { Supervisor } from './supervisor.ts'

/** Time an agent has to send what it holds when it is stopped, ms. */
const agentGraceMs = 7_000

export interface FleetDeps {
  /** Open on the plan's data folder; stays open, its owner closes it after the fleet. */
  readonly ledger: Ledger
  /** What seals the controller's secrets; absent = it takes none. */
  readonly masterKey?: KeyPlace | undefined
  readonly clock: Clock
  readonly logger: Logger
  /** Path of `agent.mjs`. */
  readonly agentBundle: string
  /** Each line that an agent or a nats-server says. */
  readonly onChildLog: (line: string) => void
}

export interface Fleet extends AsyncDisposable {
  readonly controller: Controller
  readonly brokerUrl: string
  /** The leaf servers by cloud; none without `--leaves`. */
  readonly leaves: ReadonlyMap<string, string>
  readonly operator: OperatorCredential
  /** Where the agents take carbon lines, in the order of the plan. */
  readonly carbon: readonly string[]
  /** Stops everything, agents first: they hand over what they hold. Idempotent. */
  close(): Promise<void>
}

/**
 * Starts the whole plan and returns once every agent's intake is open. On failure, or when the signal aborts, nothing is left
 * running.
 * @throws LanistaError PORT_IN_USE, LISTEN_FAILED, DATA_DIR_UNWRITABLE, AGENT_FAILED, NATS_SERVER_MISSING, BROKER_UNREACHABLE,
 * ORPHAN_STAYS, SECRET_UNREADABLE; the signal's reason
 */
export async function startFleet(plan: FleetPlan, deps: FleetDeps, signal: AbortSignal): Promise<Fleet> {
  const closer = new Closer()
  try {
    return await buildFleet(plan, deps, signal, closer)
  } catch (error) {
    await closer.close().catch((failure: unknown) => deps.logger.error({ reason: messageOf(failure) }, 'close_failed'))
    throw error
  }
}

async function buildFleet(plan: FleetPlan, deps: FleetDeps, signal: AbortSignal, closer: Closer): Promise<Fleet> {
  await reapOrphans(deps)
  await expectFreePorts(plan)
  const users = await unlessAborted(openUsers(plan, deps.agentBundle), signal)
  const broker = closer.use('broker', await openFleetBroker(plan, users, deps, signal))
  const controller = closer.use('controller', await openController(plan, users, broker, deps))
  signal.throwIfAborted()
  const supervisors: Supervisor[] = []
  closer.defer('agents', async () => {
    await Promise.all(supervisors.map((supervisor) => supervisor.stop()))
    await Promise.all(plan.hosts.map((host) => deps.ledger.release(hostIdOf(host.address))))
  })
  const addresses = await hostAddresses(plan, deps.logger.child({ component: 'up' }))
  for (const host of plan.hosts) {
    const address = addresses.get(hostIdOf(host.address))
    supervisors.push(superviseAgent(host, plan, { broker, orderKey: controller.orderKey, address }, deps))
  }
  const ready = await unlessAborted(Promise.all(supervisors.map((supervisor) => supervisor.firstReady())), signal)
  return {
    controller,
    brokerUrl: broker.url,
    leaves: broker.leaves,
    operator: users.operator,
    carbon: ready.flatMap((agent) => agent.carbon ?? []),
    close: () => closer.close(),
    [Symbol.asyncDispose]: () => closer.close(),
  }
}

function openController(plan: FleetPlan, users: FleetUsers, broker: FleetBroker, deps: FleetDeps): Promise<Controller> {
  return startController(
    {
      dataDir: join(plan.dataDir, 'controller'),
      httpHost: plan.http.host,
      httpPort: plan.http.port,
      tenant: plan.tenant,
      connection: { brokerUrl: broker.url, user: users.operator.user },
      operatorToken: users.operator.password,
      masterKey: deps.masterKey,
      heartbeatIntervalMs: plan.heartbeatIntervalMs,
      windowMs: plan.windowMs,
    },
    {
      bus: broker.bus,
      brokerCounters: broker.counters,
      clock: deps.clock,
      logger: deps.logger.child({ component: 'controller' }),
    },
  )
}

/** What an agent must know of its controller. */
interface AgentLink {
  readonly broker: FleetBroker
  readonly orderKey: string
  /** Where its instances are reached, where that is another for each host. */
  readonly address: HostAddress | undefined
}

function superviseAgent(
  host: PlannedHost,
  plan: FleetPlan,
  { broker, orderKey, address }: AgentLink,
  deps: FleetDeps,
): Supervisor {
  const id = hostIdOf(host.address)
  const brokerUrl = broker.leaves.get(host.address.cloud) ?? broker.url
  const { clock, ledger } = deps
  const logger = deps.logger.child({ component: 'up' })
  return Supervisor.start(
    { id, restart: plan.restart, graceMs: agentGraceMs },
    {
      clock,
      logger,
      start: (last) => {
        const { heartbeatIntervalMs, dockerSocket } = plan
        const carbonPort = portOf(last?.carbon)
        const setting = { brokerUrl, carbonPort, heartbeatIntervalMs, orderKey, address, dockerSocket }
        const configPath = writeAgentConfig(host, setting)
        const process = AgentProcess.start({ bundle: deps.agentBundle, configPath, onLog: deps.onChildLog })
        const identity = process.pid === undefined ? undefined : identifyProcess(process.pid)
        if (identity) {
          ledger.adopt(id, identity).catch((error: unknown) => logger.warn({ id, err: error }, 'adopt_failed'))
        }
        return process
      },
    },
  )
}

/** Looks at every port before anything is started. */
async function expectFreePorts(plan: FleetPlan): Promise<void> {
  await expectFreePort(plan.http, '--http-port', false)
  if (plan.broker.kind !== 'nats-url') await expectFreePort(plan.broker.listen, '--broker-port', false)
  for (const host of plan.hosts) await expectFreePort(host.carbon, '--carbon-port', true)
}
