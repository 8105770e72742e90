/**
 * One TCP listener for clients that only send: what keeps any of them from harming the others or the agent. Knows nothing of
 * what is sent. Every connection has a bound on idleness and on bytes a turn of the event loop; connections together have a
 * bound on their number; all stop being read while the sink is full.
 */
import { createServer, type Server, type Socket } from 'node:net'
import type { SampleSink } from '#agent/intake/sink.ts'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { formatHostPort } from '#protocol/runtime/host-port.ts'
import type { Logger } from '#protocol/runtime/logger.ts'

/** Undefined = go on; else disconnect, after a last word if there is one. */
export type Verdict = { readonly close: string; readonly farewell?: Buffer | undefined } | undefined

/** What is done with one connection's bytes. */
export interface StreamClient {
  /** Takes a chunk; keeps no reference to it. */
  feed(chunk: Buffer): Verdict
  /** The connection is over, whichever way. Called once. */
  end(): void
}

export interface TcpIntakeOptions {
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
  /** The flag that changes the port, for the error message. */
  readonly portFlag: string
  /** Connections at once; one more is accepted and closed at once. */
  readonly connectionsMax: number
  /** A connection that sends nothing for this long is closed, ms. */
  readonly idleMs: number
}

export interface TcpIntakeDeps {
  readonly sink: Pick<SampleSink, 'isFull' | 'drained'>
  readonly logger: Logger
  /** Makes the handler of a new connection from this address. */
  readonly client: (address: string) => StreamClient
}

/** Counted since the listener was opened, but for `open`. */
export interface TcpCounters {
  readonly open: number
  readonly total: number
  /** Closed at once, `connectionsMax` being reached. */
  readonly refused: number
  /** Closed for sending nothing. */
  readonly idle: number
  /** Closed by the handler's verdict. */
  readonly expelled: number
  readonly bytes: number
  /** Times that reading stopped because the sink was full. */
  readonly pauses: number
}

/** Bytes of one connection handled in one turn of the event loop; then the others have theirs. */
export const turnBytesMax: number = 256 * 1024

/** How long an expelled client may take to hang up before it is cut off, ms. */
const lingerMs = 1000
const keepAliveMs = 60_000

interface Connection {
  readonly socket: Socket
  readonly client: StreamClient
  turnBytes: number
}

/** An address as it counts for budgets: an IPv4 client of an IPv6 socket is the IPv4 client. */
export function clientAddress(address: string | undefined): string {
  return address?.replace(/^::ffff:(?=[\d.]+$)/, '') ?? 'unknown'
}

export class TcpIntake {
  readonly #options: TcpIntakeOptions
  readonly #deps: TcpIntakeDeps
  readonly #server: Server
  readonly #connections = new Set<Connection>()
  readonly #counters = { total: 0, refused: 0, idle: 0, expelled: 0, bytes: 0, pauses: 0 }
  /** Those heard in this turn. */
  #heard: Connection[] = []
  #isWaiting = false
  #closing: Promise<void> | undefined

  private constructor(options: TcpIntakeOptions, deps: TcpIntakeDeps) {
    this.#options = options
    this.#deps = deps
    // The small high-water mark makes a paused socket stop reading after one chunk of at most 64 KiB.
    this.#server = createServer({ keepAlive: true, keepAliveInitialDelay: keepAliveMs, highWaterMark: 1024 })
    this.#server.maxConnections = options.connectionsMax
    this.#server.on('connection', (socket) => this.#accept(socket))
    this.#server.on('drop', () => {
      this.#counters.refused++
    })
  }

  /** Listens. @throws LanistaError PORT_IN_USE, LISTEN_FAILED */
  static async open(options: TcpIntakeOptions, deps: TcpIntakeDeps): Promise<TcpIntake> {
    const intake = new TcpIntake(options, deps)
    const server = intake.#server
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(listenError(error, 'TCP', options)))
      server.listen({ host: options.host, port: options.port, backlog: 511 }, resolve)
    })
    server.removeAllListeners('error')
    server.on('error', (error) => deps.logger.error({ reason: messageOf(error) }, 'listener_failed'))
    return intake
  }

  /** Where it listens, a name resolved and a port chosen. */
  get address(): { readonly host: string; readonly port: number } {
    const address = this.#server.address()
    return address !== null && typeof address === 'object'
      ? { host: address.address, port: address.port }
      : { host: this.#options.host, port: this.#options.port }
  }

  counters(): TcpCounters {
    return { open: this.#connections.size, ...this.#counters }
  }

  /** Stops listening and cuts every connection now. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#server.close(() => resolve())
      for (const { socket } of this.#connections) socket.destroy()
    })
    return this.#closing
  }

  #accept(socket: Socket): void {
    const connection = { socket, client: this.#deps.client(clientAddress(socket.remoteAddress)), turnBytes: 0 }
    this.#connections.add(connection)
    this.#counters.total++
    socket.setTimeout(this.#options.idleMs)
    socket.on('data', (chunk: Buffer) => this.#hear(connection, chunk))
    socket.on('timeout', () => this.#onIdle(socket))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.#connections.delete(connection)
      connection.client.end()
    })
  }

  #hear(connection: Connection, chunk: Buffer): void {
    const { socket } = connection
    if (this.#deps.sink.isFull) {
      socket.pause()
      socket.unshift(chunk)
      this.#waitForSink()
      return
    }
    this.#counters.bytes += chunk.length
    const verdict = connection.client.feed(chunk)
    if (verdict !== undefined) this.#expel(connection, verdict)
    else this.#meter(connection, chunk.length)
  }

  /** A paused client is not idle: it was not let speak. */
  #onIdle(socket: Socket): void {
    if (socket.isPaused()) {
      socket.setTimeout(this.#options.idleMs)
      return
    }
    this.#counters.idle++
    socket.destroy()
  }

  /** Pauses a connection that has had its share of this turn, until the next. */
  #meter(connection: Connection, bytes: number): void {
    if (connection.turnBytes === 0) {
      if (this.#heard.length === 0) setImmediate(() => this.#nextTurn())
      this.#heard.push(connection)
    }
    connection.turnBytes += bytes
    if (connection.turnBytes >= turnBytesMax) connection.socket.pause()
  }

  #nextTurn(): void {
    const heard = this.#heard
    this.#heard = []
    for (const connection of heard) {
      const isOverdrawn = connection.turnBytes >= turnBytesMax
      connection.turnBytes = 0
      if (isOverdrawn && !this.#isWaiting) connection.socket.resume()
    }
  }

  #waitForSink(): void {
    if (this.#isWaiting) return
    this.#isWaiting = true
    this.#counters.pauses++
    this.#deps.sink.drained().then(
      () => this.#resumeAll(),
      (error: unknown) => {
        this.#deps.logger.error({ reason: messageOf(error) }, 'sink_wait_failed')
        this.#resumeAll()
      },
    )
  }

  #resumeAll(): void {
    this.#isWaiting = false
    for (const { socket } of this.#connections) if (socket.isPaused()) socket.resume()
  }

  /** Says the last word, throws away what still comes, and cuts the connection if the client does not. */
  #expel(connection: Connection, verdict: NonNullable<Verdict>): void {
    const { socket } = connection
    this.#counters.expelled++
    socket.removeAllListeners('data')
    if (verdict.farewell === undefined) {
      socket.destroy()
      return
    }
    socket.end(verdict.farewell)
    socket.removeAllListeners('timeout')
    socket.resume()
    const linger = setTimeout(() => socket.destroy(), lingerMs)
    linger.unref()
    socket.once('close', () => clearTimeout(linger))
  }
}

/** What a failed listen or bind becomes: names the port and the flag that changes it. */
export function listenError(
  error: Error & { code?: string },
  transport: 'TCP' | 'UDP',
  where: { readonly host: string; readonly port: number; readonly portFlag: string },
): LanistaError {
  const data = { host: where.host, port: where.port, flag: where.portFlag, transport }
  const address = `${transport} ${formatHostPort(where.host, where.port)}`
  if (error.code === 'EADDRINUSE') {
    const message = `choose another port with ${where.portFlag}: found ${address} in use, expected it free`
    return new LanistaError('PORT_IN_USE', message, { cause: error, data })
  }
  const message = `listen elsewhere with ${where.portFlag}: found ${address} refused (${error.message}), expected an address and port this process may open`
  return new LanistaError('LISTEN_FAILED', message, { cause: error, data })
}
