/** Which instances may begin with what another has installed: those whose `preInstall` would do the same (seed-systems §2.7). Pure. */
import { createHash } from 'node:crypto'
import type { InstanceSpec } from '#protocol/instances/spec.ts'

/** Names what `preInstall` leaves in a container: one digest for all instances of a component; undefined = there is nothing to keep. */
export function preparedKey(spec: InstanceSpec): string | undefined {
  const { isolation, application, component, image, files, code, lifecycle, environment } = spec
  if (isolation !== 'docker' || (lifecycle.preInstall?.commands.length ?? 0) === 0) return undefined
  const variables = Object.entries(environment).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const commands = [lifecycle.init?.commands, lifecycle.preInstall?.commands]
  const made = [application, component, image, files, code?.sha256, commands, variables]
  return createHash('sha256').update(JSON.stringify(made)).digest('hex')
}
