import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { delimiter, dirname, join, resolve } from 'node:path'
import { expectFreePort } from '#controller/up/free-port.ts'
import { isLanistaError, messageOf } from '#protocol/errors.ts'
import { agentBundlePath } from './agent-bundle.ts'
import { parseConnection, parseHosts } from './answers.ts'
import type { ControllerClient } from './client.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { type Finding, findingLines, judgeClock, judgeHost, judgeNode, judgeTokenFile } from './finding.ts'
import type { Terminal } from './terminal.ts'
import { tokensPath } from './tokens.ts'
import { openOperatorBus, waitForBroker } from './watch.ts'

export interface DoctorFlags extends SharedFlags {
  readonly data: string
}

/** The ports of "lanista up" without flags, and the flags that change them. */
const usualPorts = [
  [4400, '--http-port'],
  [1883, '--broker-port'],
  [2003, '--carbon-port'],
] as const

/** `lanista doctor`: looks at everything that may stand in the way. Exit code 1 when anything fails. */
export async function runDoctor(flags: DoctorFlags, terminal: Terminal): Promise<ExitCode> {
  const findings: Finding[] = [
    judgeNode(process.version),
    judgeBundle(terminal),
    await judgeFolder(resolve(flags.data)),
    await judgeTokens(terminal),
    await judgeNatsServer(terminal),
  ]
  const fleet = await examineFleet(flags, terminal)
  const isRunning = fleet[0]?.status === 'ok'
  findings.push(
    ...(isRunning ? [] : await Promise.all(usualPorts.map(([port, flag]) => judgePort(port, flag)))),
    ...fleet,
  )
  if (flags.json) writeJson(terminal, findings)
  else terminal.write(`${findingLines(findings).join('\n')}\n`)
  return findings.some((finding) => finding.status === 'fail') ? 1 : 0
}

/** The controller first; when it answers, its clock, its broker and its agents. */
async function examineFleet(flags: DoctorFlags, terminal: Terminal): Promise<Finding[]> {
  const check = 'controller'
  const signal = terminal.stop
  let found = 'none chosen'
  try {
    const client = await openClient(flags, terminal)
    found = client.url
    const asked = Date.now()
    const health = await client.get('/api/v1/health', {}, signal)
    const answered = Date.now()
    const hosts = parseHosts(await client.get('/api/v1/hosts', {}, signal))
    return [
      { check, status: 'ok', found: client.url },
      ...clockFinding(health, (asked + answered) / 2),
      await judgeBroker(client, signal),
      ...hosts.map(judgeHost),
    ]
  } catch (error) {
    if (!isLanistaError(error)) throw error
    return [{ check, status: 'fail', found: `${found}: ${error.code}`, fix: messageOf(error) }]
  }
}

function clockFinding(health: unknown, nowMs: number): Finding[] {
  const theirs = typeof health === 'object' && health !== null && 'now_ms' in health ? health.now_ms : undefined
  return typeof theirs === 'number' ? [judgeClock(theirs - nowMs)] : []
}

async function judgeBroker(client: ControllerClient, signal: AbortSignal): Promise<Finding> {
  const check = 'broker'
  const connection = parseConnection(await client.get('/api/v1/connection', {}, signal))
  const bus = openOperatorBus(connection, client.token ?? '')
  try {
    await waitForBroker(bus, connection.broker, signal)
    return { check, status: 'ok', found: connection.broker }
  } catch (error) {
    if (!isLanistaError(error)) throw error
    return { check, status: 'fail', found: messageOf(error), fix: 'start the broker, or let this machine reach it' }
  } finally {
    await bus.close()
  }
}

function judgeBundle(terminal: Terminal): Finding {
  const check = 'agent bundle'
  try {
    return { check, status: 'ok', found: agentBundlePath(terminal.env) }
  } catch (error) {
    return { check, status: 'fail', found: 'none', fix: messageOf(error) }
  }
}

async function judgeTokens(terminal: Terminal): Promise<Finding> {
  const path = tokensPath(terminal.env)
  const found = await stat(path).catch(() => undefined)
  return judgeTokenFile(path, found?.mode)
}

/** The folder, or the nearest one above it that exists, must be writable. */
async function judgeFolder(folder: string): Promise<Finding> {
  const check = 'data folder'
  try {
    const found = await stat(folder)
    if (!found.isDirectory())
      return { check, status: 'fail', found: `${folder} is no folder`, fix: 'choose another with --data' }
  } catch {
    if (dirname(folder) !== folder) return judgeFolder(dirname(folder))
  }
  return (await isAccessible(folder, constants.W_OK | constants.X_OK))
    ? { check, status: 'ok', found: folder }
    : { check, status: 'fail', found: `${folder} cannot be written`, fix: 'choose another with --data' }
}

async function judgePort(port: number, flag: string): Promise<Finding> {
  const check = `port ${port}`
  try {
    await expectFreePort({ host: '127.0.0.1', port }, flag, flag === '--carbon-port')
    return { check, status: 'ok', found: 'free' }
  } catch (error) {
    return { check, status: 'warn', found: 'in use', fix: messageOf(error) }
  }
}

async function judgeNatsServer(terminal: Terminal): Promise<Finding> {
  const check = 'nats-server'
  for (const folder of [...(terminal.env['PATH'] ?? '').split(delimiter), '/usr/sbin']) {
    const path = join(folder || '.', 'nats-server')
    if (await isAccessible(path, constants.X_OK)) return { check, status: 'ok', found: path }
  }
  return { check, status: 'warn', found: 'none', fix: 'apt-get install nats-server, if "--broker nats" is wanted' }
}

function isAccessible(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  )
}
