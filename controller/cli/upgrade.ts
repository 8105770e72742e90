/** `lanista hosts upgrade`: agents replaced by newer ones, followed to the end. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { parseAnswer } from './answers.ts'
import type { ControllerClient } from './client.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import { type ExitCode, usageError } from './exit-code.ts'
import { printable } from './table.ts'
import type { Terminal } from './terminal.ts'

export interface UpgradeFlags extends SharedFlags {
  readonly cloud?: string | undefined
  readonly all?: boolean | undefined
  readonly to?: string | undefined
  readonly batch?: string | undefined
  readonly gate?: string | undefined
  readonly within?: string | undefined
  readonly force?: boolean | undefined
  readonly wait?: boolean | undefined
}

/** One host of an upgrade. */
export interface UpgradeHostAnswer {
  readonly host: string
  readonly cloud: string
  readonly state: string
  readonly code: string | null
  readonly reason: string | null
}

/** An upgrade as `/api/v1/upgrades` shows it. */
export interface UpgradeAnswer {
  readonly id: string
  readonly version: string
  readonly state: string
  readonly began_ms: number
  readonly hosts: readonly UpgradeHostAnswer[]
}

const known = z.string().nullable()
const hostSchema = z.object({ host: z.string(), cloud: z.string(), state: z.string(), code: known, reason: known })
/** Read leniently: a newer controller may say more. */
export const upgradeSchema: z.ZodType<UpgradeAnswer> = z.object({
  id: z.string(),
  version: z.string(),
  state: z.string(),
  began_ms: z.number(),
  hosts: z.array(hostSchema),
})

export const upgradesPath = '/api/v1/upgrades'
const lookMs = 500
/** A bundle on its way may take so long, ms. */
const sendMs = 120_000

/** Begins an upgrade and follows it; 1 when any host is not done in the end. `--no-wait` ends once it has begun. */
export async function runHostsUpgrade(
  hosts: readonly string[],
  flags: UpgradeFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  if (hosts.length === 0 && !flags.cloud && !flags.all) throw usageError('name hosts, --cloud, or --all')
  const bundle = await readBundle(flags.to ?? ownBundle())
  const client = await openClient(flags, terminal, sendMs)
  const { cloud, batch, gate, within, force } = flags
  const params = { host: hosts.join(',') || undefined, cloud, batch, gate, within, force: force ? '1' : undefined }
  const sent = { type: 'application/gzip', text: bundle }
  const answer = await client.send('POST', upgradesPath, params, sent, terminal.stop)
  const begun = parseAnswer(upgradeSchema, answer, 'upgrade')
  if (flags.wait === false) {
    if (flags.json) writeJson(terminal, answer)
    else terminal.write(`${upgradeText(begun)}\n`)
    return 0
  }
  return follow(begun, client, flags, terminal)
}

/** `lanista hosts upgrades`: the last ones, the newest first. */
export async function runUpgrades(flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.get(upgradesPath, {}, terminal.stop)
  if (flags.json) writeJson(terminal, answer)
  else {
    const upgrades = parseAnswer(z.array(upgradeSchema), answer, 'upgrades')
    if (upgrades.length === 0) terminal.write('no upgrade yet\n')
    for (const upgrade of upgrades) terminal.write(`${[upgrade.id, ...linesOf(upgrade)].join('\n')}\n`)
  }
  return 0
}

/** `lanista hosts upgrades stop ID`: who has an order finishes, nobody else gets one. */
export async function runUpgradeStop(id: string, flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const path = `${upgradesPath}/${encodeURIComponent(id)}`
  const answer = await client.send('DELETE', path, {}, undefined, terminal.stop)
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(`${upgradeText(parseAnswer(upgradeSchema, answer, 'upgrade'))}\n`)
  return 0
}

async function follow(
  begun: UpgradeAnswer,
  client: ControllerClient,
  flags: SharedFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  let upgrade = begun
  for (let told = ''; ; ) {
    const text = upgradeText(upgrade)
    if (text !== told && !flags.json) terminal.note(`lanista: ${text}`)
    told = text
    if (upgrade.state !== 'running') break
    await systemClock.sleep(lookMs, terminal.stop)
    const answer = await client.get(`${upgradesPath}/${encodeURIComponent(begun.id)}`, {}, terminal.stop)
    upgrade = parseAnswer(upgradeSchema, answer, 'upgrade')
  }
  if (flags.json) writeJson(terminal, upgrade)
  else terminal.write(`${linesOf(upgrade).join('\n')}\n`)
  return upgrade.hosts.every(({ state }) => state === 'done') ? 0 : 1
}

/** One line: to what, and how far it is. */
export function upgradeText({ id, version, state, hosts }: UpgradeAnswer): string {
  const counts = ['done', 'ordered', 'waiting', 'failed', 'skipped'].flatMap((each) => {
    const count = hosts.filter((host) => host.state === each).length
    return count > 0 ? [`${count} ${each}`] : []
  })
  return printable(`upgrade to ${version} ${state}: ${counts.join(', ')} (${id})`)
}

/** The line, and each host that is not done with its reason. */
function linesOf(upgrade: UpgradeAnswer): readonly string[] {
  const others = upgrade.hosts.filter(({ state }) => state !== 'done')
  const reasonOf = ({ code, reason }: UpgradeHostAnswer): string => (code === null ? '' : `: ${code}, ${reason ?? ''}`)
  return [
    upgradeText(upgrade),
    ...others.map((host) => printable(`  ${host.cloud}.${host.host} ${host.state}${reasonOf(host)}`)),
  ]
}

/** The bundle that was built with this command. */
function ownBundle(): string {
  const places = ['./agent-bundle.tar.gz', '../../dist/agent-bundle.tar.gz'].map((at) =>
    fileURLToPath(new URL(at, import.meta.url)),
  )
  return places.find((place) => existsSync(place)) ?? places[0] ?? ''
}

async function readBundle(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await readFile(path))
  } catch (cause) {
    throw new LanistaError(
      'USAGE',
      `name the bundle with --to FILE (agent-bundle.tar.gz of a build): ${messageOf(cause)}`,
      {
        cause,
      },
    )
  }
}
