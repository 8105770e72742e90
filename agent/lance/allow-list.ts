/** What the host's owner lets instances have: said in the agent's own configuration, which no controller can change. */
import { realpath } from 'node:fs/promises'
import { dirname, isAbsolute, join, normalize, relative } from 'node:path'
import * as z from 'zod/mini'
import { LanistaError } from '#protocol/errors.ts'
import type { InstanceSpec } from '#protocol/instances/spec.ts'

export interface InstanceAllowList {
  /** Images that may run: `shop/web:1.4`, or the beginning of names, `registry.local/shop/*`; `*` = all. Default none. */
  readonly images: readonly string[]
  /** Folders of the host that may be mounted, with all below them. Volumes by name are always allowed. Default none. */
  readonly volumes: readonly string[]
}

const absolute = z.string().check(z.refine(isPlainFolder, 'expected an absolute path without ..'))

export const instanceAllowListSchema: z.ZodMiniType<InstanceAllowList> = z.strictObject({
  images: z.array(z.string().check(z.regex(/^[^\s*]*\*?$/, 'expected an image, or the beginning of images and *'))),
  volumes: z.array(absolute),
})

/** Throws IMAGE_NOT_ALLOWED, VOLUME_NOT_ALLOWED. */
export async function expectAllowed(spec: InstanceSpec, allow: InstanceAllowList): Promise<void> {
  const { isolation, image = '', volumes } = spec
  if (isolation === 'docker' && !allow.images.some((pattern) => isNamedBy(pattern, image))) {
    throw notAllowed('IMAGE_NOT_ALLOWED', 'image', image)
  }
  for (const volume of volumes) {
    if (!(await isVolumeAllowed(volume, allow.volumes))) throw notAllowed('VOLUME_NOT_ALLOWED', 'volume', volume)
  }
}

/** `name:path[:ro]` or `/folder:path[:ro]`; links on the way to the folder count as what they point to. */
async function isVolumeAllowed(volume: string, folders: readonly string[]): Promise<boolean> {
  const [from = ''] = volume.split(':', 1)
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(from)) return true
  if (!isPlainFolder(from)) return false
  const real = await realFolder(from)
  for (const folder of folders) if (isBelow(real, await realFolder(folder))) return true
  return false
}

/** The path behind every link, as far as it exists. */
async function realFolder(path: string): Promise<string> {
  const real = await realpath(path).catch(() => undefined)
  if (real !== undefined || dirname(path) === path) return real ?? path
  return join(await realFolder(dirname(path)), relative(dirname(path), path))
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}

function isPlainFolder(path: string): boolean {
  return isAbsolute(path) && normalize(path) === path && !path.includes('\0')
}

function isNamedBy(pattern: string, image: string): boolean {
  return pattern.endsWith('*') ? image.startsWith(pattern.slice(0, -1)) : pattern === image
}

function notAllowed(code: string, what: string, found: string): LanistaError {
  return new LanistaError(
    code,
    `name the ${what} in instances.allow of this host's agent: found ${JSON.stringify(found)}, expected one that is allowed there`,
  )
}
