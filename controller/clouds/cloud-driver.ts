/**
 * What lanista asks of any cloud. A driver keeps nothing: whoever calls it has written the token down before the call, so that
 * the same call after a crash, a lost answer or a restart finds the VM that the first one made.
 */

/** How long a call may take. Every call ends by then, with an answer or an error that says what was tried. */
export interface CallLimits {
  readonly signal: AbortSignal
  /** For the whole call with all its retries, ms. */
  readonly withinMs: number
}

/** Ports that the cloud's firewall lets through to a VM. */
export interface OpenPort {
  readonly protocol: 'tcp' | 'udp'
  /** First and last port, 1–65,535. */
  readonly from: number
  readonly to: number
  /** Whoever may come in: IPv4 CIDR, `0.0.0.0/0` = all. */
  readonly source: string
}

/** The VM that is wanted. The same token must always come with the same spec, byte for byte. */
export interface VmSpec {
  /** For people; 1–63 of letters, digits, `-`. Not unique: VMs are told apart by token and tags. */
  readonly name: string
  /** Who it belongs to: what `list` and `terminate` go by; 1–64 of letters, digits, `.`, `_`, `-`. */
  readonly owner: string
  /** Id of an assignable location, as discovered. */
  readonly location: string
  /** Id of hardware and image, as discovered. */
  readonly hardware: string
  readonly image: string
  /** What the VM runs at its first boot. At most `userDataBytesMax` of the capabilities. */
  readonly userData?: string | undefined
  readonly ports: readonly OpenPort[]
  /** An SSH key that may log in, in the form of `authorized_keys`. */
  readonly publicKey?: string | undefined
  /** Asks for an address that the Internet reaches. Default false. */
  readonly isPublic?: boolean | undefined
  /** Facts of ours kept with the VM (host id, generation); at most 16, keys and values as in `owner`. */
  readonly labels: Readonly<Record<string, string>>
}

/**
 * `pending` until it runs; `failed` = the cloud gave up on it and it still takes room; `stopped` = kept without running.
 * `running` says nothing of our agent: only its birth does.
 */
export type VmState = 'pending' | 'running' | 'stopping' | 'stopped' | 'failed' | 'terminated'

export interface Vm {
  /** The cloud's own id within the driver: `region/i-0abc`. */
  readonly id: string
  readonly name: string
  readonly owner: string
  /** The token it was made with. */
  readonly token: string
  readonly state: VmState
  /** Why it failed, in the cloud's words. */
  readonly fault?: string | undefined
  readonly location: string
  readonly hardware: string
  readonly image: string
  readonly privateAddresses: readonly string[]
  readonly publicAddresses: readonly string[]
  /** When the cloud made it, epoch ms by the cloud's clock. */
  readonly createdMs: number
  readonly labels: Readonly<Record<string, string>>
}

/** `unknown`: the cloud does not know the id, or not yet; ask again until the VM's grace time is over. */
export type TerminateOutcome = 'terminating' | 'gone' | 'unknown'

export type LocationScope = 'region' | 'zone' | 'host'

export interface LocationOffer {
  /** `region`, `region/zone` or `region/zone/host`. */
  readonly id: string
  readonly scope: LocationScope
  readonly parent?: string | undefined
  /** VMs can be placed there. */
  readonly isAssignable: boolean
}

export interface HardwareOffer {
  readonly id: string
  readonly name: string
  readonly cores: number
  readonly memoryBytes: number
  /** Of its own, beyond what an image brings; undefined = none that is fixed. */
  readonly diskBytes?: number | undefined
  /** As Node says it: `x64`, `arm64`. Empty = the cloud does not say. */
  readonly architectures: readonly string[]
  /** Where it is offered: ids of locations, each standing for those inside it. */
  readonly locations: readonly string[]
  /** Per hour, where the cloud tells. */
  readonly price?: Price | undefined
}

export interface Price {
  /** Per hour of a VM. */
  readonly amount: number
  /** ISO 4217. */
  readonly currency: string
  /** What a begun unit is charged by, ms: 1,000 or 3,600,000. */
  readonly unitMs: number
}

export interface ImageOffer {
  readonly id: string
  readonly name: string
  readonly architecture?: string | undefined
  readonly locations: readonly string[]
  /** The family of systems where the cloud says it: `linux`, `windows`. */
  readonly family?: string | undefined
  readonly createdMs?: number | undefined
}

export interface Quota {
  /** `vms`, `cores`, `memory-bytes`, `addresses`. */
  readonly name: string
  readonly location?: string | undefined
  readonly limit: number
  readonly used?: number | undefined
}

/** What a credential can see of a cloud. */
export interface CloudOffers {
  readonly locations: readonly LocationOffer[]
  readonly hardware: readonly HardwareOffer[]
  readonly images: readonly ImageOffer[]
  readonly quotas: readonly Quota[]
  /** Images, or hardware, beyond the driver's bound were left out. */
  readonly isCut: boolean
}

/** What differs between clouds and callers have to know. */
export interface CloudCapabilities {
  /** The cloud itself makes one VM per token. Otherwise the driver looks before it asks, and removes a twin when two were made. */
  readonly isTokenAtomic: boolean
  /** The cloud remembers the token of a VM that is gone; otherwise such a token makes a new VM. */
  readonly remembersSpentTokens: boolean
  /** Want of room shows after the call: the VM is `failed`, and the next `ensure` throws CLOUD_CAPACITY. End it, then take a new token. */
  readonly isRoomToldLate: boolean
  readonly userDataBytesMax: number
  /** How long a VM may stay unseen after it was made, ms: until then `unknown` does not mean absent. */
  readonly visibleWithinMs: number
  readonly hasPorts: boolean
  readonly hasKeys: boolean
  readonly hasPublicAddresses: boolean
  readonly hasPrices: boolean
  readonly hasQuotas: boolean
}

/** One account of one cloud. All errors are of the codes in `cloud-error.ts`. */
export interface CloudDriver extends AsyncDisposable {
  readonly capabilities: CloudCapabilities

  /**
   * The VM of this token, made when there is none. Calling it again, later, after a crash or a lost answer, makes no second one.
   * Where the token is not atomic, calls of one token must not overlap, and the id may differ from an earlier answer's when a twin
   * was removed: the last answer counts.
   * @param token 1–64 of letters, digits, `-`; persisted by the caller before the first call
   * @throws LanistaError CLOUD_TOKEN_SPENT (its VM is gone: take a new token), CLOUD_TOKEN_MISMATCH (used with another spec),
   * CLOUD_CAPACITY, CLOUD_QUOTA, CLOUD_INVALID and those of any call
   */
  ensure(spec: VmSpec, token: string, limits: CallLimits): Promise<Vm>

  /** Every VM of the owner that the cloud shows, each once, also failed and terminated ones while it remembers them. */
  list(owner: string, limits: CallLimits): AsyncIterable<Vm>

  /**
   * Ends the VM and gives back what only it used. Repeating it is harmless.
   * @throws LanistaError CLOUD_FOREIGN when the VM is not the owner's; it is left alone
   */
  terminate(id: string, owner: string, limits: CallLimits): Promise<TerminateOutcome>

  /** What this account can use. */
  discover(limits: CallLimits): Promise<CloudOffers>

  /** Ends connections; calls under way fail. Idempotent. */
  close(): Promise<void>
}
