/** A VM of the simulated cloud: drawn once when it is made, and from then on a function of time. Pure. */
import type { Vm, VmSpec, VmState } from '../cloud-driver.ts'
import { marksOf, tagsOf } from '../vm-tags.ts'

export interface SimulatedVm {
  readonly id: string
  readonly spec: VmSpec
  readonly tags: Readonly<Record<string, string>>
  readonly createdMs: number
  /** When lists show it. */
  readonly visibleMs: number
  /** When it runs, or fails; Infinity = never. */
  readonly bootedMs: number
  readonly isDoomed: boolean
  /** When it was told to end, and when that is done. */
  readonly stoppingMs: number
  readonly terminatedMs: number
}

/** What a new VM is drawn from. */
export interface Birth {
  readonly number: number
  readonly nowMs: number
  readonly visibilityMs: number
  /** From the request to `running`; Infinity = it never boots. */
  readonly bootMs: number
  readonly isDoomed: boolean
}

export function vmOf(spec: VmSpec, token: string | undefined, birth: Birth): SimulatedVm {
  const { nowMs } = birth
  return {
    id: `${spec.location}/vm-${birth.number}`,
    spec,
    tags: token === undefined ? {} : tagsOf(spec, token),
    createdMs: nowMs,
    visibleMs: nowMs + birth.visibilityMs,
    bootedMs: nowMs + birth.bootMs,
    isDoomed: birth.isDoomed,
    stoppingMs: Number.POSITIVE_INFINITY,
    terminatedMs: Number.POSITIVE_INFINITY,
  }
}

export function stateAt(vm: SimulatedVm, nowMs: number): VmState {
  if (nowMs >= vm.terminatedMs) return 'terminated'
  if (nowMs >= vm.stoppingMs) return 'stopping'
  if (nowMs < vm.bootedMs) return 'pending'
  return vm.isDoomed ? 'failed' : 'running'
}

/** As a driver shows it; undefined for one that is nobody's of ours. */
export function shownAt(vm: SimulatedVm, nowMs: number): Vm | undefined {
  const marks = marksOf(vm.tags)
  if (!marks) return undefined
  const state = stateAt(vm, nowMs)
  const number = Number(vm.id.slice(vm.id.lastIndexOf('-') + 1))
  const isUp = state === 'running' || state === 'stopping'
  return {
    id: vm.id,
    name: vm.spec.name,
    owner: marks.owner,
    token: marks.token,
    state,
    fault: state === 'failed' ? 'the simulated host broke' : undefined,
    location: vm.spec.location,
    hardware: vm.spec.hardware,
    image: vm.spec.image,
    privateAddresses: isUp ? [addressOf(10, number)] : [],
    publicAddresses: isUp && vm.spec.isPublic ? [addressOf(198, number)] : [],
    createdMs: vm.createdMs,
    labels: marks.labels,
  }
}

/** What it has cost by now, in the currency of `amount`: from the request to its end, in begun units. */
export function costAt(vm: SimulatedVm, amount: number, unitMs: number, nowMs: number): number {
  const ms = Math.max(1, Math.min(nowMs, vm.terminatedMs) - vm.createdMs)
  return (Math.ceil(ms / unitMs) * unitMs * amount) / 3_600_000
}

function addressOf(net: number, number: number): string {
  return `${net}.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`
}
