/**
 * The folder in which the agent's bundles lie, as the launcher knows it: `a` and `b`, the link `current`, and the file whose name says
 * where the newest upgrade stands. `trial` appears with one rename; from then on the upgrade is the launcher's to start and to take back.
 */
import { open, readdir, readFile, readlink, rename, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '#protocol/runtime/data-folder.ts'
import { encodeTrial, factory, parseTrial, type Slot, type Standing, slots, type Trial } from './trial.ts'

const states: readonly Standing['state'][] = ['overdue', 'trial', 'confirmed', 'rolled-back']
const digestFile = 'sha256'

export class BundleFolder {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** Where something lies. */
  at(...names: readonly string[]): string {
    return join(this.#path, ...names)
  }

  /** Where the newest upgrade stands; undefined before the first. */
  async standing(): Promise<Standing | undefined> {
    for (const state of states) {
      const trial = parseTrial(await textOf(this.at(state)))
      if (!trial) continue
      const reason = (await textOf(this.at('reason'))).trim()
      return reason === '' ? { state, trial } : { state, trial, reason }
    }
    return undefined
  }

  /** Which bundle starts, without a trial. */
  async current(): Promise<Slot | typeof factory> {
    const target = await readlink(this.at('current')).catch(() => undefined)
    return slots.find((slot) => slot === target) ?? factory
  }

  /** SHA-256 of the archive that the current bundle came in; undefined for the factory's. */
  async currentDigest(): Promise<string | undefined> {
    const current = await this.current()
    return current === factory ? undefined : (await textOf(this.at(current, digestFile))).trim()
  }

  /** Bytes that the agent may still write here. Makes the folder. */
  async freeBytes(): Promise<number> {
    await makeFolder(this.#path)
    const { bavail, bsize } = await statfs(this.#path)
    return bavail * bsize
  }

  /** Lets the launcher try this bundle, which lies whole in its slot: all of it is on the disk before `trial` is. */
  async begin(trial: Trial, sha256: string): Promise<void> {
    await writeFile(this.at(trial.to, digestFile), `${sha256}\n`)
    await syncTree(this.at(trial.to))
    for (const name of ['starts', 'reason', 'confirmed', 'rolled-back', 'overdue'])
      await rm(this.at(name), { force: true })
    await writeFile(this.at('trial.new'), encodeTrial(trial), { flush: true })
    await syncOne(this.#path)
    await rename(this.at('trial.new'), this.at('trial'))
    await syncOne(this.#path)
  }

  /** The new bundle works. False when the launcher has given it up just before. */
  async confirm(): Promise<boolean> {
    try {
      await rename(this.at('trial'), this.at('confirmed'))
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
      throw error
    }
    await syncOne(this.#path)
    return true
  }
}

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}

/** Files first, then the folders that name them. */
async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await syncTree(path)
    else if (entry.isFile()) await syncOne(path)
  }
  await syncOne(folder)
}

async function syncOne(path: string): Promise<void> {
  const file = await open(path)
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
