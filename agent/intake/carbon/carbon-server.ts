/**
 * The agent's Graphite port: lines over TCP and UDP on one port number, pickles on another where asked for. One parser, so
 * one name table and one set of counters, serves all of them.
 */
import type { SampleSink } from '#agent/intake/sink.ts'
import { isLanistaError } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { Closer } from '#protocol/runtime/closer.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { LineClient } from './line-client.ts'
import { LineParser } from './line-parser.ts'
import { LineStream } from './line-stream.ts'
import { PickleClient } from './pickle-client.ts'
import type { RejectCounts, RejectReason } from './reject.ts'
import { type StreamClient, type TcpCounters, TcpIntake } from './tcp-intake.ts'
import { UdpIntake } from './udp-intake.ts'

export interface CarbonOptions {
  /** Address to listen on; default 127.0.0.1. */
  readonly host?: string | undefined
  /** TCP and UDP port for lines; 0 = any that is free on both. */
  readonly port: number
  /** TCP port for pickles, 0 = any free one; undefined = none, the default. */
  readonly picklePort?: number | undefined
  /** Take the seed's four fields (application first) too; default true. */
  readonly fourFields?: boolean | undefined
  /** Connections of lines at once; default 1,024. */
  readonly connectionsMax?: number | undefined
  /** Silence after which a connection is closed, ms; default 5 minutes. */
  readonly idleMs?: number | undefined
  /** The flags that change the ports, for error messages; default `--carbon-port` and `--pickle-port`. */
  readonly portFlag?: string | undefined
  readonly picklePortFlag?: string | undefined
}

export interface CarbonDeps {
  readonly sink: SampleSink
  readonly clock: Clock
  readonly logger: Logger
}

/** Everything counted since the server was opened. Lines + points received = accepted + sum of rejected. */
export interface CarbonCounters {
  readonly accepted: number
  /** Of the accepted, from lines of four fields. */
  readonly fourFieldLines: number
  readonly rejected: Readonly<RejectCounts>
  /** Lines whose name found no room in the name table and took the slow way. */
  readonly nameTableOverflows: number
  /** Received, TCP, UDP and pickle together. */
  readonly bytes: number
  readonly tcp: TcpCounters
  readonly udpDatagrams: number
  /** Datagrams the kernel dropped for this port; undefined where the system does not say. */
  readonly udpKernelDrops: number | undefined
  /** Undefined when pickles are off. */
  readonly pickle: TcpCounters | undefined
}

const connectionsDefault = 1024
/** Fewer, because a connection may hold a frame of 1 MiB. */
const pickleConnectionsMax = 64
const idleDefaultMs = 300_000
/** Tries to find a port that is free on TCP and UDP. */
const portTriesMax = 20
/** Bytes of a rejected line that are logged. */
const loggedBytesMax = 120
/** What clients do as a habit and what has its own log entry is not worth a line in the log. */
const unlogged: ReadonlySet<RejectReason> = new Set(['empty', 'nan', 'partial'])

export class CarbonServer implements AsyncDisposable {
  readonly #deps: CarbonDeps
  readonly #parser: LineParser
  readonly #datagrams: LineStream
  readonly #closer = new Closer()
  readonly #once: OnceAMinute
  #tcp: TcpIntake | undefined
  #udp: UdpIntake | undefined
  #pickle: TcpIntake | undefined

  private constructor(options: CarbonOptions, deps: CarbonDeps) {
    this.#deps = deps
    this.#once = new OnceAMinute(deps.clock)
    this.#parser = new LineParser(
      { fourFields: options.fourFields ?? true },
      { sink: deps.sink, clock: deps.clock, onReject: (...reject) => this.#log(...reject) },
    )
    this.#datagrams = new LineStream(this.#parser)
  }

  /** Listens on all ports or, after an error, on none. @throws LanistaError PORT_IN_USE, LISTEN_FAILED */
  static async open(options: CarbonOptions, deps: CarbonDeps): Promise<CarbonServer> {
    const server = new CarbonServer(options, deps)
    try {
      await server.#listen(options)
    } catch (error) {
      await server.close()
      throw error
    }
    return server
  }

  /** The port of lines, TCP and UDP. */
  get port(): number {
    return this.#tcp?.address.port ?? 0
  }

  /** The port of pickles, where they are on. */
  get picklePort(): number | undefined {
    return this.#pickle?.address.port
  }

  async counters(): Promise<CarbonCounters> {
    const tcp = this.#tcp?.counters() ?? noConnections
    const pickle = this.#pickle?.counters()
    const udp = await this.#udp?.counters()
    return {
      accepted: this.#parser.accepted,
      fourFieldLines: this.#parser.fourFieldLines,
      rejected: { ...this.#parser.rejected },
      nameTableOverflows: this.#parser.nameOverflows,
      bytes: tcp.bytes + (pickle?.bytes ?? 0) + (udp?.bytes ?? 0),
      tcp,
      udpDatagrams: udp?.datagrams ?? 0,
      udpKernelDrops: udp?.kernelDrops,
      pickle,
    }
  }

  /** Stops listening and cuts all connections now; what was read before is in the sink. Idempotent. */
  close(): Promise<void> {
    return this.#closer.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #listen(options: CarbonOptions): Promise<void> {
    const portFlag = options.portFlag ?? '--carbon-port'
    const lines = await this.#listenForLines({ ...options, portFlag })
    this.#tcp = this.#closer.use('tcp', lines.tcp)
    this.#udp = this.#closer.use('udp', lines.udp)
    if (options.picklePort === undefined) return
    const pickle = await this.#openTcp(
      { ...options, port: options.picklePort, portFlag: options.picklePortFlag ?? '--pickle-port' },
      pickleConnectionsMax,
      (address) => new PickleClient(this.#parser, address),
    )
    this.#pickle = this.#closer.use('pickle', pickle)
  }

  /** TCP and UDP on one port; a free port on TCP may be taken on UDP, then another is tried. */
  async #listenForLines(
    options: CarbonOptions & { readonly portFlag: string },
  ): Promise<{ tcp: TcpIntake; udp: UdpIntake }> {
    for (let tries = 1; ; tries++) {
      const tcp = await this.#openTcp(
        options,
        options.connectionsMax ?? connectionsDefault,
        (address) => new LineClient(this.#parser, address),
      )
      try {
        const where = { ...tcp.address, portFlag: options.portFlag }
        const udp = await UdpIntake.open(where, {
          logger: this.#deps.logger,
          onDatagram: (...datagram) => this.#onDatagram(...datagram),
        })
        return { tcp, udp }
      } catch (error) {
        await tcp.close()
        if (options.port !== 0 || tries === portTriesMax || !isLanistaError(error, 'PORT_IN_USE')) throw error
      }
    }
  }

  #openTcp(
    options: CarbonOptions & { readonly portFlag: string },
    connectionsMax: number,
    client: (address: string) => StreamClient,
  ): Promise<TcpIntake> {
    const { host = '127.0.0.1', port, portFlag, idleMs = idleDefaultMs } = options
    const { sink, logger } = this.#deps
    return TcpIntake.open({ host, port, portFlag, connectionsMax, idleMs }, { sink, logger, client })
  }

  /** A datagram is a stream of its own: its last line needs no LF. */
  #onDatagram(datagram: Buffer, address: string): void {
    this.#datagrams.client = address
    this.#datagrams.feed(datagram)
    this.#datagrams.end('line')
  }

  #log(reason: RejectReason, buffer: Buffer, start: number, end: number): void {
    if (unlogged.has(reason)) return
    this.#once.pass(reason, (suppressed) => {
      const found = buffer.toString('latin1', start, Math.min(end, start + loggedBytesMax))
      this.#deps.logger.warn({ reason, found, suppressed }, 'carbon_rejected')
    })
  }
}

const noConnections: TcpCounters = { open: 0, total: 0, refused: 0, idle: 0, expelled: 0, bytes: 0, pauses: 0 }
