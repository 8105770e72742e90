/** Whether to believe who speaks for a cloud: any of its agents may, so one that is not itself can lie about all of it. Pure. */
import type { PartialMessage } from '#protocol/monitors/partial-message-format.ts'
import type { PlannedMonitor } from '#protocol/monitors/plan.ts'
import { type HostState, isGone } from '#protocol/presence/presence.ts'

/** Hosts of a cloud that are known, by their tokens. */
export type CloudHosts = ReadonlyMap<string, HostState>

/**
 * Why a merged partial is not believed: `stranger` = by no host of that cloud; `gone` = by one that is offline or has left; `counts` = it
 * says that more hosts spoke than the cloud ever had.
 */
export type Doubt = 'stranger' | 'gone' | 'counts'

/** Undefined = nothing speaks against it. */
export function doubtOf(
  { by, counted }: Pick<PartialMessage, 'by' | 'counted'>,
  planned: Pick<PlannedMonitor, 'inputs'> | undefined,
  hosts: CloudHosts,
): Doubt | undefined {
  const state = hosts.get(by)
  if (state === undefined) return 'stranger'
  if (isGone(state)) return 'gone'
  // results of the cloud that are inputs count as the inputs they were made of: any number
  const countsHosts = planned !== undefined && planned.inputs.cloud === undefined
  return countsHosts && counted > hosts.size ? 'counts' : undefined
}
