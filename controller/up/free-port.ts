import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { formatHostPort } from '#protocol/runtime/host-port.ts'
import type { ListenAt } from './plan.ts'

/**
 * Proves that a port is free for TCP (and UDP) before anything is started, so that the person reads one line that names the
 * flag, not a child's failure. Port 0 is always free.
 * @throws LanistaError PORT_IN_USE, LISTEN_FAILED
 */
export async function expectFreePort(at: ListenAt, flag: string, alsoUdp: boolean): Promise<void> {
  if (at.port === 0) return
  try {
    await bindTcp(at)
    if (alsoUdp) await bindUdp(at)
  } catch (error) {
    throw listenFailed(at, flag, error)
  }
}

/** Any free TCP port of the address, for a server that cannot tell which one it got. Throws LISTEN_FAILED. */
export async function anyFreePort(host: string, flag: string): Promise<number> {
  try {
    return await bindTcp({ host, port: 0 })
  } catch (error) {
    throw listenFailed({ host, port: 0 }, flag, error)
  }
}

function bindTcp(at: ListenAt): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host: at.host, port: at.port, exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : at.port))
    })
  })
}

function bindUdp(at: ListenAt): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(at.host.includes(':') ? 'udp6' : 'udp4')
    socket.once('error', reject)
    socket.bind({ address: at.host, port: at.port, exclusive: true }, () => socket.close(resolve))
  })
}

function listenFailed(at: ListenAt, flag: string, error: unknown): LanistaError {
  const place = formatHostPort(at.host, at.port)
  const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
  const found = isTaken ? `${place} in use` : messageOf(error)
  return new LanistaError(
    isTaken ? 'PORT_IN_USE' : 'LISTEN_FAILED',
    `choose another port with ${flag}: found ${found}, expected to listen there`,
    { cause: error, data: { ...at, flag } },
  )
}
