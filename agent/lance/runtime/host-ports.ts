/** Which number on the host each provided port of an instance gets. */
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { InstanceSpec, ProvidedPort } from '#protocol/instances/spec.ts'

/** Where instances of this host listen: every address of the machine, or the one that is this host's alone. */
export const everyAddress = '0.0.0.0'

/**
 * An instance in a directory has the host's own network: its ports are the numbers it listens on.
 * @param at where: `everyAddress`, or the host's own
 * @param taken numbers other instances of this host were given
 * @throws LanistaError PORT_TAKEN when another instance or program has one
 */
export async function ownHostPorts(
  spec: InstanceSpec,
  at: string,
  taken: ReadonlySet<number>,
): Promise<Readonly<Record<string, number>>> {
  for (const port of spec.provides) await expectFree(port, at, taken)
  return Object.fromEntries(spec.provides.map(({ name, port }) => [name, port]))
}

/**
 * An instance behind a network of its own: public ports keep their number, the others get any free one.
 * @throws LanistaError PORT_TAKEN when a public number is in use
 */
export async function mappedHostPorts(
  spec: InstanceSpec,
  at: string,
  taken: ReadonlySet<number>,
): Promise<Readonly<Record<string, number>>> {
  const numbers = new Set(taken)
  const ports: Record<string, number> = {}
  for (const port of spec.provides) {
    if (port.isPublic) await expectFree(port, at, numbers)
    ports[port.name] = port.isPublic ? port.port : await anyFree(port.protocol, at, numbers)
    numbers.add(ports[port.name] ?? 0)
  }
  return ports
}

async function expectFree(port: ProvidedPort, at: string, taken: ReadonlySet<number>): Promise<void> {
  const { protocol, port: number } = port
  try {
    if (taken.has(number)) throw new Error('given to another instance')
    await bind(protocol, at, number)
  } catch (error) {
    throw new LanistaError(
      'PORT_TAKEN',
      `place the instance on another host, or free port ${number} (${port.name}): found ${messageOf(error)}, expected to have it`,
      { cause: error, data: { port: port.name, number } },
    )
  }
}

/** The kernel's choice; asked again as long as it is one already given away. */
async function anyFree(protocol: ProvidedPort['protocol'], at: string, taken: ReadonlySet<number>): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const number = await bind(protocol, at, 0)
    if (!taken.has(number)) return number
  }
  throw new LanistaError('PORT_TAKEN', 'free some ports of this host: found none in 100 tries, expected one')
}

/** Listens for a moment, and tells the number. */
function bind(protocol: ProvidedPort['protocol'], host: string, number: number): Promise<number> {
  return new Promise((resolve, reject) => {
    if (protocol === 'udp') {
      const socket = createSocket('udp4').once('error', reject)
      socket.bind({ address: host, port: number, exclusive: true }, () => {
        const { port } = socket.address()
        socket.close(() => resolve(port))
      })
      return
    }
    const server = createServer().once('error', reject)
    server.listen({ host, port: number, exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : number))
    })
  })
}
