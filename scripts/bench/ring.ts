import { benchRingCost } from './ring-cost.ts'
import { benchRingLag } from './ring-lag.ts'
import { benchRingModels } from './ring-models.ts'
import { benchRingRebuild } from './ring-rebuild.ts'

/** The ring's figures of issue 4: placement and simulation, lag, rebuilding, cost. Some five minutes; needs nats-server. */
export async function benchRing(): Promise<void> {
  await benchRingModels()
  await benchRingLag()
  await benchRingRebuild()
  await benchRingCost()
}
