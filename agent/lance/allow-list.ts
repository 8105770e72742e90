/** What the host's owner lets instances have: said in the agent's own configuration, which no controller can change. */
import { isAbsolute, normalize } from 'node:path'
import * as z from 'zod/mini'
import { LanistaError } from '#protocol/errors.ts'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import { allowedBinds } from './runtime/volumes.ts'

export interface InstanceAllowList {
  /** Images that may run: `shop/web:1.4`, or the beginning of names, `registry.local/shop/*`; `*` = all. Default none. */
  readonly images: readonly string[]
  /** Folders of the host that may be mounted, with all below them. Default none. */
  readonly volumes: readonly string[]
}

export const instanceAllowListSchema: z.ZodMiniType<InstanceAllowList> = z.strictObject({
  images: z.array(z.string().check(z.regex(/^[^\s*]*\*?$/, 'expected an image, or the beginning of images and *'))),
  volumes: z.array(z.string().check(z.refine(isPlainFolder, 'expected an absolute path without ..'))),
})

/** Throws IMAGE_NOT_ALLOWED, PATH_REFUSED. */
export async function expectAllowed(spec: InstanceSpec, allow: InstanceAllowList): Promise<void> {
  const { isolation, image = '', volumes } = spec
  if (isolation === 'docker' && !allow.images.some((pattern) => isNamedBy(pattern, image))) {
    throw new LanistaError(
      'IMAGE_NOT_ALLOWED',
      `name the image in instances.allow of this host's agent: found ${JSON.stringify(image)}, expected one of ${allow.images.join(', ') || 'none'}`,
    )
  }
  await allowedBinds(volumes, allow.volumes)
}

function isPlainFolder(path: string): boolean {
  return isAbsolute(path) && normalize(path) === path && !path.includes('\0')
}

function isNamedBy(pattern: string, image: string): boolean {
  return pattern.endsWith('*') ? image.startsWith(pattern.slice(0, -1)) : pattern === image
}
