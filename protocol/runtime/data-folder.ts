import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { LanistaError, messageOf } from '#protocol/errors.ts'

/**
 * `makeFolder` for a folder that `--data` names.
 * @throws LanistaError DATA_DIR_UNWRITABLE
 */
export async function makeDataFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder)
  } catch (error) {
    throw new LanistaError(
      'DATA_DIR_UNWRITABLE',
      `choose another folder with --data: found ${messageOf(error)}, expected to write in ${folder}`,
      { cause: error, data: { dataDir: folder } },
    )
  }
}

/**
 * Makes a folder and those above it, for their owner alone (mode 0700: keys live in them). Node's own recursive `mkdir` never
 * comes back where a file system answers ENOENT inside a folder that exists, as /proc does. Throws the system's error.
 */
export async function makeFolder(folder: string): Promise<void> {
  if (await isFolder(folder)) return
  if (dirname(folder) !== folder) await makeFolder(dirname(folder))
  await mkdir(folder, { mode: 0o700 }).catch(async (error: unknown) => {
    if (!(await isFolder(folder))) throw error // else somebody else made it meanwhile
  })
}

async function isFolder(folder: string): Promise<boolean> {
  const found = await stat(folder).catch(() => undefined)
  return found?.isDirectory() ?? false
}
