/**
 * `agent-upgrade`: fetches a bundle, looks at it from all sides while the old one runs, and hands it to the launcher. What becomes of it is
 * told by the agent that runs in the end: the new one once it has proved itself, the old one after it was taken back.
 */
import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { manifestPath, parseManifest } from '#protocol/upgrade/bundle-manifest.ts'
import { parseUpgradeAsk, type UpgradeAsk, upgradeVerb } from '#protocol/upgrade/upgrade-ask.ts'
import { unpackCode } from '../lance/runtime/code-archive.ts'
import { asDiskFull } from '../lance/runtime/directory-place.ts'
import { type OrderContext, type OrderHandler, outcomeAfterRestart } from '../orders/order-handler.ts'
import { expectNoDowngrade, expectRoom, expectRunnable } from './bundle-checks.ts'
import { BundleFolder } from './bundle-folder.ts'
import { resumptionOf, type Slot } from './trial.ts'

export interface UpgradeOptions {
  /** The launcher's folder (LANISTA_BUNDLES); undefined where none started us: then every upgrade is refused. */
  readonly bundles: string | undefined
  /** What `agent.mjs check` is given: `--config FILE`, `--data DIR`. */
  readonly checkArguments: readonly string[]
}

/** Of an agent that nobody would start again. */
export const noLauncher: UpgradeOptions = { bundles: undefined, checkArguments: [] }

export interface UpgradeDeps {
  /** Brings the blob into the folder, whole and with this digest, and returns its path. */
  readonly fetch: (sha256: string, folder: string, signal: AbortSignal) => Promise<string>
  /** Resolves once this agent does its duty: hears the controller, has its store. Rejects with the signal's reason. */
  readonly healthy: (signal: AbortSignal) => Promise<void>
  /** Ends this process in good order, to be started again. */
  readonly restart: (reason: typeof restartReason) => void
  readonly logger: Logger
}

/** Why the process ends. */
export const restartReason = 'upgrade'
/** How long a bundle may look at the configuration, ms. */
const checkMs = 30_000

/** Carries out `agent-upgrade`, body {@link UpgradeAsk}. Result: `{version, changed}`. */
export function upgradeHandler(options: UpgradeOptions, deps: UpgradeDeps): OrderHandler {
  let isBusy = false
  const handle: OrderHandler['handle'] = async (_verb, body, context) => {
    const ask = parseUpgradeAsk(body)
    if (options.bundles === undefined) throw unmanaged()
    const folder = new BundleFolder(options.bundles)
    const standing = await folder.standing()
    if (isBusy || standing?.state === 'trial' || standing?.state === 'overdue') throw busy()
    isBusy = true
    try {
      if ((await folder.currentDigest()) === ask.sha256) return { version: ask.version, changed: false }
      await stage(folder, ask, context, options, deps)
    } finally {
      isBusy = false
    }
    deps.restart(restartReason)
    return outcomeAfterRestart
  }
  const resume: NonNullable<OrderHandler['resume']> = async (_verb, body, { id, signal }) => {
    const folder = new BundleFolder(options.bundles ?? '')
    const next = resumptionOf(id, options.bundles === undefined ? undefined : await folder.standing())
    switch (next.kind) {
      case 'done':
        return { version: parseUpgradeAsk(body).version, changed: true }
      case 'failed':
        throw new LanistaError(next.code, next.reason)
      case 'wait':
        return outcomeAfterRestart
      case 'prove':
        return prove(folder, parseUpgradeAsk(body), signal, deps)
    }
  }
  return { verbs: [upgradeVerb], handle, resume }
}

/** Nothing that runs is touched until the last line; before it any failure leaves all as it was. */
async function stage(
  folder: BundleFolder,
  ask: UpgradeAsk,
  { id, signal, progress }: OrderContext,
  { checkArguments }: UpgradeOptions,
  { fetch }: UpgradeDeps,
): Promise<void> {
  expectNoDowngrade(ask.version, ask.isForced)
  expectRoom(await folder.freeBytes(), ask.bytes)
  progress('fetching the bundle')
  const archive = await fetch(ask.sha256, folder.at(), signal)
  const from = await folder.current()
  const to: Slot = from === 'a' ? 'b' : 'a'
  try {
    await unpackCode(archive, folder.at(to), signal)
    expectRunnable(await manifestOf(folder, to), ask.version, process.versions.node)
    progress('checking the bundle')
    await expectSound(folder.at(to, 'agent.mjs'), checkArguments, signal)
    await folder.begin({ order: id, from, to, gateSeconds: ask.gateSeconds }, ask.sha256)
  } catch (error) {
    await rm(folder.at(to), { recursive: true, force: true })
    throw asDiskFull(error)
  } finally {
    await rm(archive, { force: true })
  }
}

/** As the new bundle: the order is done once it has been healthy in time; else the launcher's watch ends this process. */
async function prove(
  folder: BundleFolder,
  { version }: UpgradeAsk,
  signal: AbortSignal,
  { healthy, logger }: UpgradeDeps,
): Promise<unknown> {
  try {
    await healthy(signal)
  } catch (error) {
    if (!signal.aborted) logger.error({ version, error: messageOf(error) }, 'upgrade_unhealthy')
    return outcomeAfterRestart
  }
  if (!(await folder.confirm())) return outcomeAfterRestart
  logger.info({ version }, 'upgrade_confirmed')
  return { version, changed: true }
}

async function manifestOf(folder: BundleFolder, slot: Slot): Promise<ReturnType<typeof parseManifest>> {
  return parseManifest(await readFile(folder.at(slot, manifestPath), 'utf8').catch(() => ''))
}

/** Lets the new bundle look at this host's configuration: it must load, and know every setting. Throws BUNDLE_REFUSED. */
function expectSound(bundle: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  const command = [bundle, 'check', ...args]
  return new Promise((resolve, reject) => {
    execFile(process.execPath, command, { timeout: checkMs, killSignal: 'SIGKILL', signal }, (error, _, stderr) => {
      if (!error) return resolve()
      const said = stderr.trim().split('\n').at(-1) || error.message
      reject(new LanistaError('BUNDLE_REFUSED', `correct the bundle or the configuration: its own check said ${said}`))
    })
  })
}

function unmanaged(): LanistaError {
  return new LanistaError(
    'UPGRADE_UNMANAGED',
    'upgrade this host where it was started: found no launcher (LANISTA_BUNDLES), expected the agent to run by launch.sh',
  )
}

function busy(): LanistaError {
  return new LanistaError('BUSY', 'wait for the upgrade that is under way: found one not confirmed yet')
}
