import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { natsAuthorization } from '#broker/nats-config.ts'
import { type KeyPlace, keyPlaceOf } from '#controller/secrets/key-file.ts'
import { type Fleet, startFleet } from '#controller/up/fleet.ts'
import { brokerUsers } from '#controller/up/fleet-broker.ts'
import { openUsers } from '#controller/up/fleet-users.ts'
import { Ledger } from '#controller/up/ledger.ts'
import { type FleetPlan, hostNameOf, planUp, type UpFlags } from '#controller/up/plan.ts'
import { expectHealth, type ReadyLine, waitForHosts } from '#controller/up/ready.ts'
import { RecentLog } from '#controller/up/recent-log.ts'
import { isLanistaError, messageOf } from '#protocol/errors.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { type Logger, openLogger } from '#protocol/runtime/logger.ts'
import { agentBundlePath } from './agent-bundle.ts'
import { type SharedFlags, writeJson } from './context.ts'
import { type ExitCode, usageError } from './exit-code.ts'
import { hostTableLines } from './host-table.ts'
import { LiveBlock } from './live.ts'
import type { Terminal } from './terminal.ts'
import { tokensPath, writeToken } from './tokens.ts'

export interface UpCommandFlags extends SharedFlags, UpFlags {
  readonly printNatsConfig?: boolean | undefined
}

/** Time between two drawings of the table, ms. */
const drawIntervalMs = 1_000

/** `lanista up`: the whole fleet in this terminal, until told to stop. */
export async function runUp(flags: UpCommandFlags, terminal: Terminal): Promise<ExitCode> {
  const given = { ...flags, data: resolve(flags.data), dockerHost: terminal.env['DOCKER_HOST'] }
  planUp(given, 'host') // wrong flags are refused before anything is touched
  const ledger = await Ledger.open(given.data)
  try {
    const plan = planUp(given, await ledger.remember('hostName', () => hostNameOf(hostname())))
    if (flags.printNatsConfig) return await printNatsConfig(plan, terminal)
    return await runFleet(plan, ledger, flags.json === true, terminal)
  } finally {
    await ledger.close()
  }
}

/** Runs a planned fleet until told to stop: a live table for a person, logs for everybody else. */
export async function runFleet(
  plan: FleetPlan,
  ledger: Ledger,
  isJson: boolean,
  terminal: Terminal,
): Promise<ExitCode> {
  const recent = terminal.isTty && !isJson ? new RecentLog() : undefined
  const logger = recent ? recent.logger() : openLogger('info')
  const onChildLog = (line: string): void => (recent ? recent.pushChildLine(line) : terminal.note(line))
  const masterKey = await masterKeyOf(plan, ledger, terminal)
  const agentBundle = agentBundlePath(terminal.env)
  const deps = { ledger, masterKey, clock: systemClock, logger, agentBundle, onChildLog }
  if (recent) terminal.note('starting …')
  const fleet = await startFleet(plan, deps, terminal.stop)
  try {
    await announce(plan, fleet, logger, isJson, terminal)
    await (recent ? showUntilStopped(fleet, recent, terminal) : stopped(terminal.stop))
  } catch (error) {
    if (!terminal.stop.aborted) throw error
  } finally {
    logger.info({}, 'stopping')
    await fleet.close()
  }
  return 0
}

/** The key has the name that its data folder knows it by: each folder has its own, wherever it is moved to. */
async function masterKeyOf({ masterKeyFile }: FleetPlan, ledger: Ledger, { env }: Terminal): Promise<KeyPlace> {
  if (masterKeyFile !== undefined) return { path: masterKeyFile, kind: 'file' }
  const name = await ledger.remember('masterKey', () => randomBytes(16).toString('hex'))
  return keyPlaceOf(env, join(dirname(tokensPath(env)), 'master-keys', name))
}

/** Once everything answers: the operator's token goes into the token file, the ready line to stdout. */
async function announce(
  plan: FleetPlan,
  fleet: Fleet,
  logger: Logger,
  isJson: boolean,
  terminal: Terminal,
): Promise<void> {
  const { httpUrl } = fleet.controller
  await waitForHosts(plan, () => fleet.controller.hosts(), systemClock, terminal.stop)
  await expectHealth(httpUrl, fleet.operator.password, terminal.stop)
  await keepToken(httpUrl, fleet, logger, terminal)
  const line: ReadyLine = {
    event: 'ready',
    http: httpUrl,
    broker: fleet.brokerUrl,
    ...(fleet.leaves.size > 0 ? { leaves: Object.fromEntries(fleet.leaves) } : {}),
    carbon: fleet.carbon,
    operator: fleet.operator,
  }
  if (isJson) writeJson(terminal, line)
  logger.info({ http: line.http, broker: line.broker, carbon: line.carbon, user: line.operator.user }, 'ready')
}

/** A token file that cannot be written leaves the fleet usable: the token is in the ready line. */
async function keepToken(url: string, fleet: Fleet, logger: Logger, terminal: Terminal): Promise<void> {
  try {
    await writeToken(tokensPath(terminal.env), url, fleet.operator.password)
  } catch (error) {
    if (!isLanistaError(error)) throw error
    logger.warn({ reason: messageOf(error) }, 'token_not_kept')
  }
}

async function showUntilStopped(fleet: Fleet, recent: RecentLog, terminal: Terminal): Promise<void> {
  const block = new LiveBlock(terminal)
  const head = `${fleet.controller.httpUrl}  ${fleet.brokerUrl}  carbon ${fleet.carbon.join(' ')}  (Ctrl-C stops all)`
  while (!terminal.stop.aborted) {
    block.draw([head, '', ...hostTableLines(fleet.controller.hosts(), Date.now()), '', ...recent.lines])
    await systemClock.sleep(drawIntervalMs, terminal.stop)
  }
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done()
    else signal.addEventListener('abort', () => done(), { once: true })
  })
}

/** What somebody else's nats-server must know: with it, `--broker nats://…` works. */
async function printNatsConfig(plan: FleetPlan, terminal: Terminal): Promise<ExitCode> {
  if (plan.broker.kind === 'nats-leaves') {
    throw usageError('leave out --leaves or --print-nats-config: it prints the users of one nats-server')
  }
  const users = await openUsers(plan, agentBundlePath(terminal.env))
  terminal.write(natsAuthorization(brokerUsers(users)))
  return 0
}
