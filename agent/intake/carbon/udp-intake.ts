import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { messageOf } from '#protocol/errors.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { readKernelDrops } from './kernel-drops.ts'
import { clientAddress, listenError } from './tcp-intake.ts'

export interface UdpIntakeOptions {
  /** An address, not a name. */
  readonly host: string
  readonly port: number
  /** The flag that changes the port, for the error message. */
  readonly portFlag: string
}

export interface UdpIntakeDeps {
  readonly logger: Logger
  /** Takes one datagram from this address. */
  readonly onDatagram: (datagram: Buffer, address: string) => void
}

/** Counted since the socket was opened. */
export interface UdpCounters {
  readonly datagrams: number
  readonly bytes: number
  /** Dropped by the kernel because its buffer was full; undefined where the system does not say. */
  readonly kernelDrops: number | undefined
}

/** Asked of the kernel, which gives what net.core.rmem_max allows. */
const receiveBufferBytes = 4 * 1024 * 1024

/** One UDP socket. A datagram cannot be made to wait: when the sink is full the sink counts what it drops. */
export class UdpIntake {
  readonly #socket: Socket
  readonly #options: UdpIntakeOptions
  #datagrams = 0
  #bytes = 0
  #closing: Promise<void> | undefined

  private constructor(options: UdpIntakeOptions, deps: UdpIntakeDeps) {
    this.#options = options
    this.#socket = createSocket({ type: isIPv6(options.host) ? 'udp6' : 'udp4' })
    this.#socket.on('message', (datagram, { address }) => {
      this.#datagrams++
      this.#bytes += datagram.length
      deps.onDatagram(datagram, clientAddress(address))
    })
  }

  /** Binds. @throws LanistaError PORT_IN_USE, LISTEN_FAILED */
  static async open(options: UdpIntakeOptions, deps: UdpIntakeDeps): Promise<UdpIntake> {
    const intake = new UdpIntake(options, deps)
    const socket = intake.#socket
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (error) => {
        socket.close()
        reject(listenError(error, 'UDP', options))
      })
      socket.bind({ address: options.host, port: options.port }, resolve)
    })
    socket.removeAllListeners('error')
    socket.on('error', (error) => deps.logger.error({ reason: messageOf(error) }, 'udp_failed'))
    try {
      socket.setRecvBufferSize(receiveBufferBytes)
    } catch (error) {
      deps.logger.info({ bytes: receiveBufferBytes, reason: messageOf(error) }, 'udp_buffer_refused')
    }
    return intake
  }

  async counters(): Promise<UdpCounters> {
    const kernelDrops = await readKernelDrops(this.#options.port, isIPv6(this.#options.host))
    return { datagrams: this.#datagrams, bytes: this.#bytes, kernelDrops }
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#socket.close(() => resolve())
    })
    return this.#closing
  }
}
