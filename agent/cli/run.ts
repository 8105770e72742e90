import { isLanistaError, LanistaError, messageOf } from '#protocol/errors.ts'
import type { LeaveReport } from '#protocol/messages/leave.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { type Logger, openLogger } from '#protocol/runtime/logger.ts'
import { hostIdOf } from '#protocol/subjects/subject.ts'
import { type Agent, startAgent } from '../agent.ts'
import type { AgentConfig } from '../config.ts'
import { superviseBySystemd } from '../systemd.ts'
import { restartReason, type UpgradeOptions } from '../upgrade/upgrade-handler.ts'
import { keepYoungHeapSmall } from '../young-heap.ts'
import type { Command, ConfigFlags } from './arguments.ts'
import { loadAgentConfig, settingsThatNeedRestart } from './load-config.ts'
import { testSensors } from './test-sensors.ts'

/** How long a stopping agent may still send, ms; systemd kills after 20 s. */
const drainMs = 5000
/** EX_TEMPFAIL of sysexits.h: whatever runs the agent starts it again, by the launcher, as another bundle. */
const restartCode = 75
/** How long `--once` waits for the controller's acknowledgement, ms. */
const onceMs = 30_000

/** Runs until told to stop, or once through. */
export async function run(command: Extract<Command, { kind: 'run' }>): Promise<number> {
  keepYoungHeapSmall()
  try {
    return await runToEnd(command)
  } finally {
    // left open, the pipe would keep the process alive, after a failed start too: its parent would wait for ever
    if (command.exitWithParent) process.stdin.destroy()
  }
}

async function runToEnd(command: Extract<Command, { kind: 'run' }>): Promise<number> {
  const config = loadAgentConfig(command).value
  if (command.mode === 'test') return testSensors(config, command.json)
  const logger = openLogger(config.log)
  const stopped = stopRequested(command.exitWithParent)
  const agent = await startAgent(config, { clock: systemClock, logger, upgrade: upgradeOptions(command) })
  logger.info({ id: hostIdOf(agent.address), carbon: agent.carbon }, 'agent_started')
  if (command.json) {
    const ready = { event: 'ready', id: hostIdOf(agent.address), carbon: agent.carbon ?? null, pid: process.pid }
    process.stdout.write(`${JSON.stringify(ready)}\n`)
  }
  if (command.mode === 'once') return once(agent, config)
  const unsupervise = superviseBySystemd({
    clock: systemClock,
    logger,
    env: process.env,
    status: () => agent.statusLine(),
  })
  process.on('SIGHUP', () => reload(command, config, agent, logger))
  const reason = await Promise.race([stopped, agent.departed, agent.restartAsked])
  logger.info({ reason }, 'agent_stopping')
  unsupervise()
  if (typeof reason === 'object') return depart(agent, reason, command.json)
  // a parent that is gone took broker and controller along: there is nobody to send to
  if (reason === parentGone) await agent.close()
  else await agent.drain(AbortSignal.timeout(drainMs))
  return reason === restartReason ? restartCode : 0
}

/** The launcher says where bundles lie; a new one checks the configuration that this agent was started with. */
function upgradeOptions({ config, data }: ConfigFlags): UpgradeOptions {
  const flags = Object.entries({ config, data }).flatMap(([name, value]) => (value ? [`--${name}`, value] : []))
  return { bundles: process.env['LANISTA_BUNDLES'] || undefined, checkArguments: flags }
}

/** 0 when this host has left; 1 when it could not hand over: what runs the agent starts it again, and it is a member as before. */
async function depart(agent: Agent, { state }: LeaveReport, json: boolean): Promise<number> {
  if (json) process.stdout.write(`${JSON.stringify({ event: state })}\n`)
  await agent.drain(AbortSignal.timeout(drainMs))
  return state === 'left' ? 0 : 1
}

/** Reads the configuration again: sensors change at once, the rest with the next start; one with mistakes changes nothing. */
function reload(flags: ConfigFlags, old: AgentConfig, agent: Agent, logger: Logger): void {
  try {
    const config = loadAgentConfig(flags).value
    agent.configureSensors(config)
    logger.info({ needsRestart: settingsThatNeedRestart(old, config) }, 'config_reloaded')
  } catch (error) {
    logger.error({ error: messageOf(error) }, 'config_refused')
  }
}

/** One full cycle: every sensor read, stored, and where a broker is configured acknowledged by the controller. */
async function once(agent: Agent, config: AgentConfig): Promise<number> {
  const signal = AbortSignal.timeout(onceMs)
  try {
    await agent.cycled(signal)
    return 0
  } catch (error) {
    if (!signal.aborted && !isLanistaError(error)) throw error
    throw new LanistaError(
      'CYCLE_INCOMPLETE',
      `look at the broker ${config.broker.join(', ')}: ${agent.statusLine()} after ${onceMs / 1000} s, expected everything to be acknowledged`,
      { cause: error },
    )
  } finally {
    await agent.close()
  }
}

const parentGone = 'parent gone'

/** Resolves with the reason when a signal comes, or (started by a parent that may be killed) when stdin ends. */
function stopRequested(exitWithParent: boolean): Promise<string> {
  const { stdin } = process
  return new Promise<string>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(signal))
    if (!exitWithParent) return
    stdin.on('end', () => resolve(parentGone))
    stdin.on('error', () => resolve(parentGone))
    stdin.resume()
  })
}
