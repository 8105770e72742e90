/**
 * A carbon port for each instance, told to it as LANISTA_CARBON: whatever it sends there is its own, whatever its lines say. A port keeps its
 * number over restarts of the agent, as the component was told of it when it started.
 */
import * as z from 'zod/mini'
import { isLanistaError, messageOf } from '#protocol/errors.ts'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import { formatSeries, parseCanonical } from '#protocol/metrics/series.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { formatHostPort } from '#protocol/runtime/host-port.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { readSecretFile, writeSecretFile } from '#protocol/runtime/secret-file.ts'
import { CarbonServer } from '../intake/carbon/carbon-server.ts'
import type { SampleSink } from '../intake/sink.ts'

export interface InstanceCarbonOptions {
  /** Where the numbers are kept: a small file. */
  readonly path: string
  /** Where each isolation can reach this host; a container sees no loop but its own. */
  readonly hosts: Readonly<Record<InstanceSpec['isolation'], string>>
}

export interface InstanceCarbonDeps {
  readonly sink: SampleSink
  readonly clock: Clock
  readonly logger: Logger
}

type Ports = Readonly<Record<string, number>>

interface Listening {
  readonly isolation: InstanceSpec['isolation']
  readonly server: Promise<CarbonServer | undefined>
}

const portsSchema: z.ZodMiniType<Ports> = z.record(z.string(), z.int())

/** Connections of one instance at once. */
const connectionsMax = 64

export class InstanceCarbon implements AsyncDisposable {
  readonly #options: InstanceCarbonOptions
  readonly #deps: InstanceCarbonDeps
  readonly #servers = new Map<string, Listening>()
  #ports: Ports

  constructor(options: InstanceCarbonOptions, deps: InstanceCarbonDeps) {
    this.#options = options
    this.#deps = deps
    this.#ports = this.#read()
  }

  /** `host:port` that takes the instance's lines from now on; undefined where none can be opened: it runs without. */
  async addressOf(spec: InstanceSpec): Promise<string | undefined> {
    const known = this.#servers.get(spec.id)
    if (known && known.isolation !== spec.isolation) await this.#close(known)
    const { server } = known?.isolation === spec.isolation ? known : this.#begin(spec)
    const port = (await server)?.port
    if (port === undefined) this.#servers.delete(spec.id)
    return port === undefined ? undefined : formatHostPort(this.#options.hosts[spec.isolation], port)
  }

  /** Takes no more lines of an instance that is gone. */
  async forget(id: string): Promise<void> {
    const known = this.#servers.get(id)
    this.#servers.delete(id)
    const { [id]: _gone, ...others } = this.#ports
    this.#keep(others)
    if (known) await this.#close(known)
  }

  /** Closes every port, and keeps their numbers. Idempotent. */
  async close(): Promise<void> {
    for (const listening of this.#servers.values()) await this.#close(listening)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #begin(spec: InstanceSpec): Listening {
    const listening = { isolation: spec.isolation, server: this.#open(spec) }
    this.#servers.set(spec.id, listening)
    return listening
  }

  async #close({ server }: Listening): Promise<void> {
    await (await server)?.close()
  }

  async #open(spec: InstanceSpec): Promise<CarbonServer | undefined> {
    const known = this.#ports[spec.id]
    try {
      const server = await this.#listen(spec, known ?? 0).catch((error: unknown) => {
        if (known === undefined || !isLanistaError(error, 'PORT_IN_USE')) throw error
        this.#deps.logger.warn({ id: spec.id, port: known }, 'instance_carbon_moved')
        return this.#listen(spec, 0)
      })
      this.#keep({ ...this.#ports, [spec.id]: server.port })
      return server
    } catch (error) {
      this.#deps.logger.warn({ id: spec.id, error: messageOf(error) }, 'instance_carbon_closed')
      return undefined
    }
  }

  #listen(spec: InstanceSpec, port: number): Promise<CarbonServer> {
    const { clock, logger, sink } = this.#deps
    const host = this.#options.hosts[spec.isolation]
    return CarbonServer.open({ host, port, connectionsMax }, { clock, logger, sink: attributed(spec, sink) })
  }

  #read(): Ports {
    try {
      const text = readSecretFile(this.#options.path)
      return text === undefined ? {} : (portsSchema.safeParse(JSON.parse(text)).data ?? {})
    } catch (error) {
      this.#deps.logger.warn({ path: this.#options.path, error: messageOf(error) }, 'instance_carbon_unread')
      return {}
    }
  }

  #keep(ports: Ports): void {
    if (JSON.stringify(ports) === JSON.stringify(this.#ports)) return
    this.#ports = ports
    try {
      writeSecretFile(this.#options.path, JSON.stringify(ports))
    } catch (error) {
      this.#deps.logger.warn({ path: this.#options.path, error: messageOf(error) }, 'instance_carbon_unkept')
    }
  }
}

/** The sink, to which every series is the instance's own. */
function attributed({ application, component, id }: InstanceSpec, sink: SampleSink): SampleSink {
  return {
    seriesId: (canonical, unit) => {
      const { name, tags } = parseCanonical(canonical)
      const own = formatSeries({ name, tags: { ...tags, application, component, instance: id } })
      return sink.seriesId(own, unit, `instance ${id}`)
    },
    append: (seriesId, timestampMs, value) => sink.append(seriesId, timestampMs, value),
    get isFull() {
      return sink.isFull
    },
    drained: () => sink.drained(),
  }
}
