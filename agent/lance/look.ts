/** What the runtime says is there, compared with what the life cycle takes to be there: after a start of the agent, and from time to time. Pure. */
import { type Instance, withRow } from './instance.ts'
import { partOf } from './life-cycle.ts'
import { moved } from './next-step.ts'
import type { FoundInstance } from './runtime/instance-runtime.ts'

/**
 * Takes over what was found. Nothing may be under way. An installation that was broken off begins anew; a start is looked at first; what
 * runs is left running.
 */
export function afterLook(instance: Instance, found: FoundInstance | undefined): Instance {
  const isRunning = found?.state === 'running'
  const isNews = !instance.isKnown || instance.isMainUp !== isRunning
  const seen: Instance = {
    ...(found ? withPlace(instance, found) : instance),
    isKnown: true,
    isMainUp: isRunning,
    exit: isRunning || !isNews ? instance.exit : found?.exit,
  }
  return found ? withPlaceFound(seen, instance.isKnown) : withoutPlace(seen)
}

function withPlaceFound(instance: Instance, wasKnown: boolean): Instance {
  const { stage } = instance.row
  const { isMainUp } = instance
  switch (partOf(stage)) {
    case 'install':
      return wasKnown ? instance : moved(instance, isMainUp ? 'halt' : 'absent').instance
    case 'rest':
      // a start whose answer was lost: nothing may run here
      return isMainUp && stage !== 'removed' ? moved(instance, 'halt').instance : instance
    case 'start':
      if (stage === 'preStart' || (stage === 'start' && !isMainUp)) {
        // from where its peers are looked for again
        return moved(instance, isMainUp ? 'halt' : 'installed').instance
      }
      return stage === 'start' ? moved(instance, 'startDetector').instance : instance
    case 'run':
    case 'stop':
    case 'remove':
      return instance
  }
}

/** Its place has gone: what ran there has ended, and nothing of it can be used. */
function withoutPlace(instance: Instance): Instance {
  const { stage } = instance.row
  if (stage === 'destroy' || stage === 'removed' || stage === 'absent') return instance
  const gone = withRow(instance, { place: undefined })
  return stage === 'running' ? gone : moved(gone, 'absent').instance
}

function withPlace(instance: Instance, { hostPorts, address, detail }: FoundInstance): Instance {
  const place = { hostPorts, address, detail }
  return JSON.stringify(place) === JSON.stringify(instance.row.place) ? instance : withRow(instance, { place })
}
