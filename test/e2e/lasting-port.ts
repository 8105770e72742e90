/**
 * Ports for what is ended and started again on the same one. Between the two the system gives a port of the ephemeral range (from 32768
 * on Linux) to anybody who asks for port 0, as the tests that run at once do; of ours it never gives one by itself.
 */
import { createServer } from 'node:net'

const first = 20_000
const slices = 500
const slicePorts = 20

/** So many different TCP ports that nothing listens on, on any address. Workers of one run never get the same ones. */
export async function lastingPorts(count: number): Promise<readonly number[]> {
  // workers of a run are numbered, runs are told apart by the process that began them
  const slice = (process.ppid * 16 + Number(process.env['VITEST_POOL_ID'] ?? process.pid)) % slices
  const free: number[] = []
  for (let port = first + slice * slicePorts; port < first + (slice + 1) * slicePorts; port++) {
    if (free.length < count && (await isFree(port))) free.push(port)
  }
  if (free.length < count) throw new Error(`found ${free.length} free ports in slice ${slice}, expected ${count}`)
  return free
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
