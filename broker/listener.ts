import { createServer, type Server, type Socket } from 'node:net'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { formatHostPort } from '#protocol/runtime/host-port.ts'
import type { Logger } from '#protocol/runtime/logger.ts'

export interface ListenerOptions {
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
  /** Open connections in all; one more is cut at once. */
  readonly connectionsMax: number
  /** Open connections from one address; one more is cut at once. */
  readonly connectionsPerAddressMax: number
}

/** A TCP port with caps on who may hold connections, before any byte is read. TCP_NODELAY on every socket. */
export class Listener {
  readonly #options: ListenerOptions
  readonly #onSocket: (socket: Socket) => void
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #perAddress = new Map<string, number>()
  #cutOverCap = 0

  constructor(options: ListenerOptions, onSocket: (socket: Socket) => void) {
    this.#options = options
    this.#onSocket = onSocket
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
  }

  /** Connections cut at a cap. */
  get cutOverCap(): number {
    return this.#cutOverCap
  }

  /** The port it listens on. */
  get port(): number {
    const address = this.#server.address()
    return address !== null && typeof address === 'object' ? address.port : this.#options.port
  }

  /** Throws PORT_IN_USE or LISTEN_FAILED. Errors of the port afterwards (no descriptors left) are logged. */
  open(logger: Logger): Promise<void> {
    const { host, port } = this.#options
    return new Promise((resolve, reject) => {
      const onError = (cause: NodeJS.ErrnoException): void => {
        const isTaken = cause.code === 'EADDRINUSE'
        const found = `${formatHostPort(host, port)} ${isTaken ? 'in use' : `refused (${cause.message})`}`
        const message = `choose another broker port: found ${found}, expected to listen there`
        reject(new LanistaError(isTaken ? 'PORT_IN_USE' : 'LISTEN_FAILED', message, { cause, data: { host, port } }))
      }
      this.#server.once('error', onError)
      this.#server.listen(port, host, () => {
        this.#server.off('error', onError)
        this.#server.on('error', (error) => logger.error({ reason: messageOf(error) }, 'broker_port_failed'))
        resolve()
      })
    })
  }

  /** Cuts every connection and gives the port back. */
  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#sockets) socket.destroy()
    return closed
  }

  #accept(socket: Socket): void {
    const { connectionsMax, connectionsPerAddressMax } = this.#options
    const address = socket.remoteAddress ?? ''
    const fromThere = this.#perAddress.get(address) ?? 0
    if (this.#sockets.size >= connectionsMax || fromThere >= connectionsPerAddressMax) {
      this.#cutOverCap++
      socket.destroy()
      return
    }
    this.#sockets.add(socket)
    this.#perAddress.set(address, fromThere + 1)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      const left = (this.#perAddress.get(address) ?? 1) - 1
      if (left > 0) this.#perAddress.set(address, left)
      else this.#perAddress.delete(address)
    })
    this.#onSocket(socket)
  }
}
