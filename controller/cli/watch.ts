import { randomUUID } from 'node:crypto'
import type { Bus } from '#broker/bus.ts'
import { openBus } from '#broker/open-bus.ts'
import { isLanistaError, LanistaError, messageOf } from '#protocol/errors.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { type ConnectionAnswer, parseConnection } from './answers.ts'
import { openClient, type SharedFlags } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import type { Terminal } from './terminal.ts'
import { parseWatched, watchedLine, watchPattern } from './watched.ts'

/** Longest wait for the broker at the start, ms; once connected, `watch` reconnects for ever. */
const brokerDeadlineMs = 10_000

/** `lanista watch PATTERN`: published metrics as they come, until Ctrl-C. */
export async function runWatch(pattern: string, flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const metric = watchPattern(pattern)
  const client = await openClient(flags, terminal)
  const connection = parseConnection(await client.get('/api/v1/connection', {}, terminal.stop))
  const bus = openOperatorBus(connection, client.token ?? '')
  try {
    bus.subscribe(`lanista.${connection.tenant}.*.*.metric.${metric}`, (message) => {
      const watched = parseWatched(message)
      if (watched) terminal.write(`${watchedLine(watched, flags.json === true)}\n`)
    })
    await waitForBroker(bus, connection.broker, terminal.stop)
    await reportStates(bus, terminal)
    return 0
  } finally {
    await bus.close()
  }
}

/** The operator's own way to the broker: the name of each connection is new, so that several can watch at once. */
export function openOperatorBus(connection: ConnectionAnswer, password: string): Bus {
  return openBus(
    {
      url: connection.broker,
      role: { kind: 'operator', tenant: connection.tenant },
      credential: { kind: 'password', user: connection.user, password },
      name: `lanista-watch-${randomUUID()}`,
    },
    { clock: systemClock, logger: silentLogger },
  )
}

/** Resolves once the bus is up. Throws BROKER_UNREACHABLE after the deadline, or the signal's reason. */
export async function waitForBroker(bus: Bus, url: string, signal: AbortSignal): Promise<void> {
  const deadline = AbortSignal.timeout(brokerDeadlineMs)
  try {
    await bus.up(AbortSignal.any([signal, deadline]))
  } catch (error) {
    if (signal.aborted) throw signal.reason
    const found = isLanistaError(error) ? messageOf(error) : `no connection within ${brokerDeadlineMs / 1000} s`
    throw new LanistaError('BROKER_UNREACHABLE', `look whether the broker runs: found ${found} at ${url}`, {
      cause: error,
      data: { url },
    })
  }
}

/** Says on stderr when the broker goes and comes back; returns when told to stop. */
async function reportStates(bus: Bus, terminal: Terminal): Promise<void> {
  const onStop = (): void => void bus.close()
  terminal.stop.addEventListener('abort', onStop, { once: true })
  if (terminal.stop.aborted) onStop()
  let isFirst = true
  for await (const { state, reason } of bus.states()) {
    if (!isFirst && state !== 'closed') terminal.note(`broker ${state}: ${reason}`)
    isFirst = false
  }
}
