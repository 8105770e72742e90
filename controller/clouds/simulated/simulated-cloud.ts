/**
 * The cloud itself: a state machine that is told the time and draws its chances from a seed. It owns no timer: a VM is a
 * function of time, so that thousands cost nothing while they wait. VMs are remembered for as long as it lives. Its promises are EC2's: one VM a token, lists that lag.
 */
import type { LanistaError } from '#protocol/errors.ts'
import type { CloudOffers, TerminateOutcome, Vm, VmSpec } from '../cloud-driver.ts'
import { cloudError } from '../cloud-error.ts'
import { TokenBucket } from '../token-bucket.ts'
import { marksOf, ownerTag, specDigest, tokenTag } from '../vm-tags.ts'
import { chanceOf } from './chance.ts'
import { defaultHardware, defaultImages, defaultLocations, type SimulatedCloudOptions } from './simulated-options.ts'
import { costAt, type SimulatedVm, shownAt, stateAt, vmOf } from './simulated-vm.ts'

/** One page of a list; `next` where there is more. */
export interface SimulatedPage {
  readonly vms: readonly Vm[]
  readonly next?: number | undefined
}

export class SimulatedCloud {
  readonly options: SimulatedCloudOptions
  readonly random: () => number
  readonly #vms = new Map<string, SimulatedVm>()
  /** Ids by owner and token. */
  readonly #byToken = new Map<string, string>()
  readonly #bucket: TokenBucket | undefined
  /** Ids of those that take room, and of those among them that were told to end. */
  readonly #living = new Set<string>()
  readonly #ending = new Set<string>()
  #made = 0

  constructor(options: SimulatedCloudOptions = {}, startMs = 0) {
    this.options = options
    this.random = chanceOf(options.seed ?? 1)
    const { requestsPerSecond: rate } = options
    this.#bucket = rate === undefined ? undefined : new TokenBucket({ ratePerSecond: rate, burst: rate }, startMs)
  }

  /** Throws CLOUD_THROTTLED when requests come faster than allowed. */
  admit(nowMs: number): void {
    if (this.#bucket === undefined || this.#bucket.take(nowMs) === 0) return
    this.#bucket.giveBack()
    throw cloudError('CLOUD_THROTTLED', 'the simulated account asks too often')
  }

  /** The VM of the token, made when there is none. Throws the codes of `CloudDriver.ensure`. */
  run(spec: VmSpec, token: string, nowMs: number): Vm {
    const key = `${spec.owner} ${token}`
    const known = this.#vms.get(this.#byToken.get(key) ?? '')
    const vm = known ? this.#same(known, spec, nowMs) : this.#make(spec, token, nowMs)
    this.#byToken.set(key, vm.id)
    return shownAt(vm, nowMs) as Vm
  }

  /** A VM that somebody else runs in the same account. */
  runForeign(spec: VmSpec, nowMs: number): string {
    return this.#make(spec, undefined, nowMs).id
  }

  /** VMs of the owner that can be seen by now, in order of their making. */
  page(owner: string, from: number, nowMs: number): SimulatedPage {
    const seen = [...this.#vms.values()].filter((vm) => vm.tags[ownerTag] === owner && this.#isShown(vm, nowMs))
    const end = from + (this.options.pageSize ?? 100)
    const vms = seen.slice(from, end).flatMap((vm) => shownAt(vm, nowMs) ?? [])
    return end < seen.length ? { vms, next: end } : { vms }
  }

  terminate(id: string, owner: string, nowMs: number): TerminateOutcome {
    const vm = this.#vms.get(id)
    if (!vm || !this.#isShown(vm, nowMs)) return 'unknown'
    if (vm.tags[ownerTag] !== owner) throw cloudError('CLOUD_FOREIGN', `${id} is not of ${owner}`)
    const state = stateAt(vm, nowMs)
    if (state === 'terminated') return 'gone'
    if (state !== 'stopping') {
      const terminatedMs = nowMs + (this.options.stopMs ?? 10_000)
      this.#vms.set(id, { ...vm, stoppingMs: nowMs, terminatedMs })
      this.#ending.add(id)
    }
    return 'terminating'
  }

  offers(nowMs: number): CloudOffers {
    const { locations = defaultLocations, hardware = defaultHardware, images = defaultImages } = this.options
    this.#bury(nowMs)
    const quotas = [{ name: 'vms', limit: this.options.vmsMax ?? 10_000, used: this.#living.size }]
    return { locations, hardware, images, quotas, isCut: false }
  }

  /** Tokens of all VMs that take room, also those that no list shows yet: what is true, not what is said. */
  alive(nowMs: number): string[] {
    return this.#alive(nowMs).map((vm) => vm.tags[tokenTag] ?? '')
  }

  /** What all VMs have cost by now, by their hardware's price. */
  cost(nowMs: number): number {
    const { hardware = defaultHardware } = this.options
    const prices = new Map(hardware.map(({ id, price }) => [id, price]))
    let total = 0
    for (const vm of this.#vms.values()) {
      const price = prices.get(vm.spec.hardware)
      if (price) total += costAt(vm, price.amount, price.unitMs, nowMs)
    }
    return total
  }

  #alive(nowMs: number): SimulatedVm[] {
    this.#bury(nowMs)
    return [...this.#living].flatMap((id) => this.#vms.get(id) ?? [])
  }

  /** Takes those off the living whose end has come. */
  #bury(nowMs: number): void {
    for (const id of this.#ending) {
      const vm = this.#vms.get(id)
      if (vm && stateAt(vm, nowMs) !== 'terminated') continue
      this.#ending.delete(id)
      this.#living.delete(id)
    }
  }

  #isShown(vm: SimulatedVm, nowMs: number): boolean {
    return nowMs >= vm.visibleMs && nowMs < vm.terminatedMs + (this.options.rememberMs ?? 3_600_000)
  }

  #same(vm: SimulatedVm, spec: VmSpec, nowMs: number): SimulatedVm {
    if (marksOf(vm.tags)?.spec !== specDigest(spec)) {
      throw cloudError('CLOUD_TOKEN_MISMATCH', 'the token came with another spec before')
    }
    const state = stateAt(vm, nowMs)
    if (state === 'terminated' || state === 'stopping') throw cloudError('CLOUD_TOKEN_SPENT', `${vm.id} is ${state}`)
    return vm
  }

  #make(spec: VmSpec, token: string | undefined, nowMs: number): SimulatedVm {
    this.#check(spec, nowMs)
    const { bootMs: [shortest, longest] = [20_000, 60_000], visibilityMs = 0, neverBoots = 0, fails = 0 } = this.options
    const bootMs = shortest + this.random() * (longest - shortest)
    const fate = this.random()
    this.#made++
    const vm = vmOf(spec, token, {
      number: this.#made,
      nowMs,
      visibilityMs,
      bootMs: fate < neverBoots ? Number.POSITIVE_INFINITY : bootMs,
      isDoomed: fate < neverBoots + fails,
    })
    this.#vms.set(vm.id, vm)
    this.#living.add(vm.id)
    return vm
  }

  #check({ location, hardware, image }: VmSpec, nowMs: number): void {
    const offers = this.offers(nowMs)
    const place = offers.locations.find(({ id }) => id === location)
    if (!place?.isAssignable) throw unknownOffer('location', location)
    const size = offers.hardware.find(({ id }) => id === hardware)
    if (!size) throw unknownOffer('hardware', hardware)
    if (!offers.images.some(({ id }) => id === image)) throw unknownOffer('image', image)
    if (this.#living.size >= (this.options.vmsMax ?? 10_000)) {
      throw cloudError('CLOUD_QUOTA', `${this.#living.size} VMs run`)
    }
    const room = this.options.capacity?.[location]
    if (room === undefined) return
    const inPlace = this.#alive(nowMs).filter((vm) => vm.spec.location === location)
    if (inPlace.length >= room) throw cloudError('CLOUD_CAPACITY', `${location} is full`)
  }
}

function unknownOffer(what: string, id: string): LanistaError {
  return cloudError('CLOUD_INVALID', `found ${what} ${JSON.stringify(id)}, expected one that is offered`)
}
