/** The engine behind its socket. The package is loaded when an engine is first used: an agent without Docker never reads it. */
import { Agent } from 'node:http'
import type Docker from 'dockerode'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { unlessAborted } from '#protocol/runtime/unless-aborted.ts'

/** How long the engine may take to answer what is no pull, build or wait, ms. */
const callTimeoutMs = 60_000

/** Connects to nothing yet: each call opens its own connection, so that an answer is the engine's of now. */
export async function openEngine(socketPath: string): Promise<Docker> {
  const { default: Engine } = await import('dockerode')
  // `agent` is passed on to node:http; the package's types do not know it
  const options: Docker.DockerOptions & { readonly agent: Agent } = {
    socketPath,
    agent: new Agent({ keepAlive: false }),
  }
  return new Engine(options)
}

/** A signal that aborts with the caller's or when the engine takes too long. */
function callSignal(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(callTimeoutMs)])
}

/**
 * Makes one call.
 * @throws LanistaError RUNTIME_UNAVAILABLE when nobody answers, DISK_FULL, PORT_TAKEN, RUNTIME_REFUSED with the engine's own words and
 *   `data.status` for everything else; the caller's signal's reason
 */
export async function ask<T>(
  doing: string,
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const within = callSignal(signal)
  try {
    return await unlessAborted(call(within), within)
  } catch (error) {
    signal.throwIfAborted()
    throw engineError(doing, error)
  }
}

/** The same, with undefined where the engine says that there is no such thing. */
export async function askMaybe<T>(
  doing: string,
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await ask(doing, signal, call)
  } catch (error) {
    if (statusOf(error) === 404) return undefined
    throw error
  }
}

/** The HTTP status in an error that `ask` threw. */
export function statusOf(error: unknown): number | undefined {
  const status = error instanceof LanistaError ? error.data['status'] : undefined
  return typeof status === 'number' ? status : undefined
}

function engineError(doing: string, error: unknown): LanistaError {
  const found = messageOf(error)
  const status =
    error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
      ? error.statusCode
      : undefined
  const because = { cause: error, data: { status } }
  if (status === undefined) {
    return new LanistaError(
      'RUNTIME_UNAVAILABLE',
      `start the Docker engine to ${doing}: found ${found}, expected an answer`,
      because,
    )
  }
  if (/no space left on device|disk quota exceeded/i.test(found)) {
    return new LanistaError('DISK_FULL', `make room for the Docker engine to ${doing}: found ${found}`, because)
  }
  if (/port is already allocated|address already in use/i.test(found)) {
    return new LanistaError('PORT_TAKEN', `free the port to ${doing}: found ${found}, expected to have it`, because)
  }
  return new LanistaError('RUNTIME_REFUSED', `${doing}: found ${found}, expected the Docker engine to do it`, because)
}
