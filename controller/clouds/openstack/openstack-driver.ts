/**
 * OpenStack by its own interfaces: Keystone, Nova, Glance, Neutron. Nova has no client token: every try to make a VM looks for the
 * token's mark first, and looks again afterwards; where two were made because a lost request came late, the later is removed.
 */
import * as z from 'zod'
import type { Clock } from '#protocol/runtime/clock.ts'
import { type CloudCall, CloudCalls, type CloudCallsOptions } from '../cloud-calls.ts'
import type {
  CallLimits,
  CloudCapabilities,
  CloudDriver,
  CloudOffers,
  TerminateOutcome,
  Vm,
  VmSpec,
} from '../cloud-driver.ts'
import { cloudError } from '../cloud-error.ts'
import { checkSpec, marksOf, specDigest } from '../vm-tags.ts'
import { Keystone, type KeystoneOptions } from './keystone.ts'
import { discoverRegions } from './openstack-discovery.ts'
import { shaped } from './openstack-http.ts'
import { ensureGroup, ensureKey } from './openstack-network.ts'
import { memberOf, OpenstackRegion } from './openstack-region.ts'
import { firstMade, makingOf, ownerMark, type Server, tokenMark, vmOf } from './openstack-shapes.ts'

export interface OpenstackOptions extends CloudCallsOptions, KeystoneOptions {
  /** Regions that are used: at least one. */
  readonly regions: readonly string[]
  /** Id of the network of VMs, or `auto`. Default `auto`. */
  readonly network?: string | undefined
}

const madeSchema = z.object({ id: z.string() })

const capabilities: CloudCapabilities = {
  isTokenAtomic: false,
  remembersSpentTokens: false,
  isRoomToldLate: true,
  userDataBytesMax: 65_535,
  visibleWithinMs: 60_000,
  hasPorts: true,
  hasKeys: true,
  hasPublicAddresses: false,
  hasPrices: false,
  hasQuotas: true,
}

export class OpenstackDriver implements CloudDriver {
  readonly capabilities: CloudCapabilities = capabilities
  readonly #options: OpenstackOptions
  readonly #calls: CloudCalls
  readonly #regions: ReadonlyMap<string, OpenstackRegion>

  constructor(options: OpenstackOptions, { clock }: { readonly clock: Clock }) {
    this.#options = options
    this.#calls = new CloudCalls(options, { clock })
    const keystone = new Keystone(options, clock)
    this.#regions = new Map(options.regions.map((name) => [name, new OpenstackRegion(name, keystone)]))
  }

  async ensure(spec: VmSpec, token: string, limits: CallLimits): Promise<Vm> {
    checkSpec(spec, token, this.capabilities)
    const [name = '', zone, ...rest] = spec.location.split('/')
    const region = this.#regions.get(name)
    if (!region || rest.length > 0) {
      const known = [...this.#regions.keys()].join(', ')
      throw cloudError('CLOUD_INVALID', `found location ${JSON.stringify(spec.location)}, expected one in ${known}`)
    }
    const call = this.#calls.begin(limits)
    const groupId = await ensureGroup(call, region, spec.owner, spec.ports)
    const keyName = spec.publicKey === undefined ? undefined : await ensureKey(call, region, spec.publicKey)
    const making = makingOf({ spec, token, zone, groupId, keyName, network: this.#options.network ?? 'auto' })
    const server = await call('POST servers', async (signal) => {
      const known = await this.#only(region, spec.owner, token, signal)
      if (known) return known
      const { body } = await region.ask('compute', { method: 'POST', path: '/servers', body: making }, signal)
      const { id } = shaped(madeSchema, memberOf(body, 'server'), 'server')
      return (await this.#only(region, spec.owner, token, signal)) ?? (await region.server(id, signal))
    })
    return checkedVm(region.name, server, spec)
  }

  async *list(owner: string, limits: CallLimits): AsyncIterable<Vm> {
    const call = this.#calls.begin(limits)
    const seen = new Set<string>()
    for (const region of this.#regions.values()) {
      for await (const server of serversOf(call, region, owner)) {
        const vm = vmOf(region.name, server)
        if (!vm || vm.owner !== owner || seen.has(vm.id)) continue
        seen.add(vm.id)
        yield vm
      }
    }
  }

  async terminate(id: string, owner: string, limits: CallLimits): Promise<TerminateOutcome> {
    const [name = '', serverId = ''] = id.split('/')
    const region = this.#regions.get(name)
    if (!region || !/^[0-9a-f-]{1,64}$/i.test(serverId)) return 'unknown'
    const call = this.#calls.begin(limits)
    const server = await call('GET server', (signal) => region.server(serverId, signal))
    if (!server) return 'unknown'
    const vm = vmOf(name, server)
    if (vm?.owner !== owner) throw cloudError('CLOUD_FOREIGN', `${id} is not of ${owner}`)
    if (vm.state === 'terminated') return 'gone'
    if (vm.state === 'stopping') return 'terminating'
    return (await call('DELETE server', (signal) => region.remove(serverId, signal))) ? 'terminating' : 'gone'
  }

  async discover(limits: CallLimits): Promise<CloudOffers> {
    return await discoverRegions(this.#calls.begin(limits), [...this.#regions.values()])
  }

  async close(): Promise<void> {
    this.#calls.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The token's server after its twins, if any, were removed. */
  async #only(region: OpenstackRegion, owner: string, token: string, signal: AbortSignal): Promise<Server | undefined> {
    const found = await region.servers([ownerMark(owner), tokenMark(token)], undefined, signal)
    const ours = found.filter(({ metadata }) => {
      const marks = marksOf(metadata)
      return marks?.owner === owner && marks.token === token
    })
    const first = firstMade(ours)
    for (const twin of ours) {
      if (twin !== first && twin['OS-EXT-STS:task_state'] !== 'deleting') await region.remove(twin.id, signal)
    }
    return first
  }
}

/** Behind a full page and behind a short one there may be more: an empty one is the end. */
async function* serversOf(call: CloudCall, region: OpenstackRegion, owner: string): AsyncIterable<Server> {
  let marker: string | undefined
  for (;;) {
    const after = marker
    const page = await call('GET servers', (signal) => region.servers([ownerMark(owner)], after, signal))
    if (page.length === 0) return
    yield* page
    marker = page.at(-1)?.id
  }
}

function checkedVm(region: string, server: Server | undefined, spec: VmSpec): Vm {
  const vm = server && vmOf(region, server)
  if (!server || !vm) throw cloudError('CLOUD_DEADLINE', 'the server that was made is not shown yet')
  if (marksOf(server.metadata)?.spec !== specDigest(spec)) {
    throw cloudError('CLOUD_TOKEN_MISMATCH', 'the token came with another spec before')
  }
  if (vm.state === 'stopping' || vm.state === 'terminated')
    throw cloudError('CLOUD_TOKEN_SPENT', `${vm.id} is ${vm.state}`)
  if (vm.state === 'failed' && /no valid host/i.test(vm.fault ?? '')) {
    throw cloudError('CLOUD_CAPACITY', vm.fault ?? '', { data: { id: vm.id } })
  }
  return vm
}
