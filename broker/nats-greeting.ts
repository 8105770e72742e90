import { connect } from 'node:net'
import { LanistaError } from '#protocol/errors.ts'
import { formatHostPort } from '#protocol/runtime/host-port.ts'

/**
 * Resolves when a NATS server greets (its first bytes are `INFO `); leaves no socket behind, whatever happens.
 * Throws NO_GREETING after `timeoutMs` of silence, for another greeting, or when the connection fails.
 */
export function awaitGreeting(host: string, port: number, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host)
    const fail = (found: string, cause?: unknown): void => {
      socket.destroy()
      const place = formatHostPort(host, port)
      reject(
        new LanistaError('NO_GREETING', `look at the server at ${place}: found ${found}, expected INFO`, { cause }),
      )
    }
    socket.setTimeout(timeoutMs, () => fail(`silence for ${timeoutMs} ms`))
    socket.once('error', (error) => fail(error.message, error))
    socket.once('end', () => fail('the end of the connection'))
    socket.once('data', (bytes) => {
      if (!bytes.subarray(0, 5).equals(Buffer.from('INFO '))) return fail('another greeting')
      socket.destroy()
      return resolve()
    })
  })
}
