/** Which number on the host each provided port of an instance gets. */
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { InstanceSpec, ProvidedPort } from '#protocol/instances/spec.ts'

/**
 * An instance in a directory has the host's own network: its ports are the numbers it listens on.
 * @param taken numbers other instances of this host were given
 * @throws LanistaError PORT_TAKEN when another instance or program has one
 */
export async function ownHostPorts(
  spec: InstanceSpec,
  taken: ReadonlySet<number>,
): Promise<Readonly<Record<string, number>>> {
  for (const port of spec.provides) await expectFree(port, port.port, taken)
  return Object.fromEntries(spec.provides.map(({ name, port }) => [name, port]))
}

/**
 * An instance behind a network of its own: public ports keep their number, the others get any free one.
 * @throws LanistaError PORT_TAKEN when a public number is in use
 */
export async function mappedHostPorts(
  spec: InstanceSpec,
  taken: ReadonlySet<number>,
): Promise<Readonly<Record<string, number>>> {
  const numbers = new Set(taken)
  const ports: Record<string, number> = {}
  for (const port of spec.provides) {
    if (port.isPublic) await expectFree(port, port.port, numbers)
    ports[port.name] = port.isPublic ? port.port : await anyFree(port.protocol, numbers)
    numbers.add(ports[port.name] ?? 0)
  }
  return ports
}

async function expectFree(port: ProvidedPort, number: number, taken: ReadonlySet<number>): Promise<void> {
  try {
    if (taken.has(number)) throw new Error('given to another instance')
    await bind(port.protocol, number)
  } catch (error) {
    throw new LanistaError(
      'PORT_TAKEN',
      `place the instance on another host, or free port ${number} (${port.name}): found ${messageOf(error)}, expected to have it`,
      { cause: error, data: { port: port.name, number } },
    )
  }
}

/** The kernel's choice; asked again as long as it is one already given away. */
async function anyFree(protocol: ProvidedPort['protocol'], taken: ReadonlySet<number>): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const number = await bind(protocol, 0)
    if (!taken.has(number)) return number
  }
  throw new LanistaError('PORT_TAKEN', 'free some ports of this host: found none in 100 tries, expected one')
}

/** Listens for a moment on every address, and tells the number. */
function bind(protocol: ProvidedPort['protocol'], number: number): Promise<number> {
  return new Promise((resolve, reject) => {
    if (protocol === 'udp') {
      const socket = createSocket('udp4').once('error', reject)
      socket.bind({ port: number, exclusive: true }, () => {
        const { port } = socket.address()
        socket.close(() => resolve(port))
      })
      return
    }
    const server = createServer().once('error', reject)
    server.listen({ host: '0.0.0.0', port: number, exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : number))
    })
  })
}
