/** Volumes of the host in a container: only below folders that the host's owner allowed, links followed. */
import { realpath } from 'node:fs/promises'
import { refused } from '#protocol/archive/member-path.ts'

/**
 * The engine's words for the volumes (`host path:container path[:ro]`), each host path with its links followed.
 * @param allowed folders of the host, absolute
 * @throws LanistaError PATH_REFUSED for one that does not exist or lies elsewhere
 */
export async function allowedBinds(volumes: readonly string[], allowed: readonly string[]): Promise<readonly string[]> {
  const roots = await Promise.all(allowed.map((folder) => realpath(folder).catch(() => undefined)))
  const binds: string[] = []
  for (const volume of volumes) {
    const [, hostPath = '', containerPath = '', mode] = /^(\/[^:]*):(\/[^:]*)(?::(ro|rw))?$/.exec(volume) ?? []
    if (hostPath === '') throw refused(volume, 'host path:container path, absolute, and :ro or nothing')
    const real = await realpath(hostPath).catch(() => undefined)
    const isInside = roots.some((root) => root !== undefined && (real === root || real?.startsWith(`${root}/`)))
    if (real === undefined || real.includes(':') || !isInside) {
      throw refused(hostPath, `a folder below the allowed ones (${allowed.join(', ') || 'none'})`)
    }
    binds.push([real, containerPath, mode ?? 'rw'].join(':'))
  }
  return binds
}
