/** The file that tells an instance of its component's members (seed-systems §7.6): whole or not at all, wherever the instance runs. */
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makePlainFolder } from './inside.ts'

const folderName = 'members'
const fileName = 'members.json'
/** Where a container sees the folder, which it cannot write to. */
const insideFolder = '/lanista'

/** The file of a place on this host. */
export const membersFile = (place: string): string => join(place, folderName, fileName)
/** The same as a container sees it. */
export const membersFileInside: string = `${insideFolder}/${fileName}`
/** How a container comes to see it. */
export const membersBind = (place: string): string => `${join(place, folderName)}:${insideFolder}:ro`

/** The folder, outside of what the component writes to. Throws PATH_REFUSED, or what the file system throws. */
export function makeMembersFolder(place: string): Promise<void> {
  return makePlainFolder(join(place, folderName))
}

/** Whoever reads it meanwhile finds the old text or the new one. Throws what the file system throws. */
export async function writeMembersFile(place: string, text: string): Promise<void> {
  const beside = `${membersFile(place)}.new`
  await rm(beside, { force: true })
  await writeFile(beside, text, { mode: 0o644, flag: 'wx', flush: true })
  await rename(beside, membersFile(place))
}
