import { hostIdOf } from '#protocol/subjects/subject.ts'
import { agentIdentities } from './agent-identity.ts'
import { type ControllerKey, type OperatorCredential, openControllerKey, openOperator } from './credentials.ts'
import type { FleetPlan, KnownAgent } from './plan.ts'

/** Who is let in to the broker. */
export interface FleetUsers {
  readonly operator: OperatorCredential
  readonly controllerKey: ControllerKey
  readonly agents: readonly KnownAgent[]
}

/**
 * The keys and passwords of the plan, made where missing.
 * @throws LanistaError SECRET_UNREADABLE, DATA_DIR_UNWRITABLE, AGENT_FAILED
 */
export async function openUsers(plan: FleetPlan, agentBundle: string): Promise<FleetUsers> {
  const operator = openOperator(plan.dataDir)
  const controllerKey = openControllerKey(plan.dataDir)
  const own = await agentIdentities(agentBundle, plan.hosts)
  const ownIds = new Set(own.map((agent) => hostIdOf(agent.address)))
  const others = plan.knownAgents.filter((agent) => !ownIds.has(hostIdOf(agent.address)))
  return { operator, controllerKey, agents: [...own, ...others] }
}
