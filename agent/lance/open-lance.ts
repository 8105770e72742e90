import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bus } from '#broker/bus.ts'
import { messageOf } from '#protocol/errors.ts'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { Closer } from '#protocol/runtime/closer.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import type { Address } from '#protocol/subjects/subject.ts'
import type { BlobFetcher } from '../blobs/blob-fetcher.ts'
import type { SampleSink } from '../intake/sink.ts'
import { CodeFolder } from './code-folder.ts'
import { ComponentDetectors } from './detectors/component-detectors.ts'
import { InstanceCarbon } from './instance-carbon.ts'
import { Lance, type LanceDeps } from './lance.ts'
import { firstAddress, type InstancesConfig } from './lance-options.ts'
import { LevelInstanceStore } from './level-instance-store.ts'
import { OwnAddress } from './own-address.ts'
import { DirectoryRuntime } from './runtime/directory-runtime.ts'
import { DockerRuntime } from './runtime/docker-runtime.ts'
import type { InstanceRuntime } from './runtime/instance-runtime.ts'
import { logDefaults } from './runtime/runtime-options.ts'

export interface OpenLanceOptions {
  readonly address: Address
  readonly config: InstancesConfig
  /** The agent's: instances are in `instances/`, what is known of them in `lance/`, archives in `code/`. */
  readonly data: string
}

export interface OpenLanceDeps extends Pick<LanceDeps, 'onSeen'> {
  readonly bus: Pick<Bus, 'publish' | 'subscribe'>
  readonly clock: Clock
  readonly logger: Logger
  readonly session: () => number
  /** Where the instances' own metrics go. */
  readonly sink: SampleSink
  /** Brings archives of code. */
  readonly blobs: Pick<BlobFetcher, 'fetchBlob'>
}

const dockerSocket = '/var/run/docker.sock'
/** The engine tells of every end; what it did not tell is seen after this, ms. */
const listIntervalMs = 5000

/**
 * Lance with its rows and runtimes; it does nothing before `start`.
 * @throws LanistaError STORE_LOCKED, STORE_FOLDER
 */
export async function openLance(options: OpenLanceOptions, deps: OpenLanceDeps): Promise<Lance> {
  const closer = new Closer()
  try {
    return await open(options, deps, closer)
  } catch (error) {
    await closer.close()
    throw error
  }
}

async function open({ address, config, data }: OpenLanceOptions, deps: OpenLanceDeps, closer: Closer): Promise<Lance> {
  const { clock, logger } = deps
  const store = closer.use(
    'store',
    await LevelInstanceStore.open(join(data, 'lance'), { nowMs: () => clock.now(), logger }),
  )
  const cloudIp = config.cloudAddress ?? firstAddress()
  const lent =
    config.addressDevice === undefined
      ? undefined
      : new OwnAddress({ address: cloudIp, device: config.addressDevice }, logger)
  if (store.rows.length > 0) await lent?.hold().catch((error: unknown) => refusedAddress(error, logger))
  const folder = join(data, 'instances')
  const runtimes = new Map<InstanceSpec['isolation'], InstanceRuntime>()
  closer.defer('runtimes', async () => {
    for (const runtime of runtimes.values()) await runtime[Symbol.asyncDispose]()
  })
  const ownAddress = config.isAddressOwn === true ? cloudIp : undefined
  const directory = { folder, ...logDefaults, ownAddress }
  runtimes.set('directory', await DirectoryRuntime.open(directory, { clock, logger }, AbortSignal.timeout(60_000)))
  const socketPath = config.dockerSocket ?? dockerSocket
  const hasDocker = store.rows.some(({ spec, active }) => [spec, active].some((each) => each?.isolation === 'docker'))
  if (hasDocker || (await isSocket(socketPath))) {
    const engine = {
      ...directory,
      socketPath,
      tenant: address.tenant,
      host: address.host,
      cloudAddress: cloudIp,
      volumesAllowed: config.allow.volumes,
      registries: config.registries ?? {},
      listIntervalMs,
    }
    runtimes.set('docker', await DockerRuntime.open(engine, { clock, logger }))
  }
  const host = { cloudIp, publicIp: config.publicAddress ?? cloudIp, vmId: address.host }
  const carbon = new InstanceCarbon(
    { path: join(data, 'instance-ports.json'), hosts: { directory: '127.0.0.1', docker: cloudIp } },
    { clock, logger, sink: deps.sink },
  )
  const used = (): ReadonlySet<string> => lance.codes
  const code = new CodeFolder({ folder: join(data, 'code') }, { blobs: deps.blobs, used })
  const lance: Lance = new Lance(
    { address, allow: config.allow, host, folder, ownAddress },
    {
      ...deps,
      store,
      runtimes,
      carbon,
      address: lent,
      detectors: new ComponentDetectors(clock),
      fetchCode: (version, signal) => code.fetch(version, signal),
    },
  )
  return lance
}

/** What runs, runs on; what listens on the address cannot be reached until the next start. */
function refusedAddress(error: unknown, logger: Logger): void {
  logger.error({ error: messageOf(error) }, 'own_address_missing')
}

async function isSocket(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isSocket() ?? false
}
