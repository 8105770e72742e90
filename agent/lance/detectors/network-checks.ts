/** Detectors that ask the component over its port. */
import { request } from 'node:http'
import { connect } from 'node:net'
import { formatHostPort } from '#protocol/runtime/host-port.ts'
import { type Finding, met, unmet } from './finding.ts'

export interface NetworkPlace {
  readonly host: string
  readonly port: number
}

/** Met when somebody takes a connection; it is closed at once. Never rejects: what the signal cuts off is not met. */
export function checkTcp(at: NetworkPlace, signal: AbortSignal): Promise<Finding> {
  const place = formatHostPort(at.host, at.port)
  return new Promise((resolve) => {
    const socket = connect(at)
    const end = (finding: Finding): void => {
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      resolve(finding)
    }
    const onAbort = (): void => end(unmet(`no connection to ${place} in time`))
    socket.once('connect', () => end(met(`${place} takes connections`)))
    socket.once('error', ({ message }) => end(unmet(`no connection to ${place}: ${message}`)))
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** Met when a GET is answered with a status between the two, both included; redirects are not followed. Never rejects. */
export function checkHttp(
  at: NetworkPlace & { readonly path: string; readonly status: readonly [number, number] },
  signal: AbortSignal,
): Promise<Finding> {
  const { host, port, path, status } = at
  const url = `http://${formatHostPort(host, port)}${path}`
  return new Promise((resolve) => {
    const asked = request({ host, port, path, method: 'GET', agent: false, signal }, (answer) => {
      const found = answer.statusCode ?? 0
      answer.destroy()
      const reason = `${url} answers ${found}`
      const isMet = found >= status[0] && found <= status[1]
      resolve(isMet ? met(reason) : unmet(`${reason}, expected ${status[0]} to ${status[1]}`))
    })
    asked.once('error', ({ message }) => resolve(unmet(`no answer from ${url}: ${message}`)))
    asked.end()
  })
}
