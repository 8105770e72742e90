/** Limits of a directory instance where systemd runs: a transient scope, a cgroup of its own outside the agent's unit. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { ResourceLimits } from '#protocol/instances/spec.ts'

/**
 * The words before a command that put it into the scope `lanista-<id>-<run>`. The scope goes when its last process does.
 * @param run another one for each start: a scope's name is taken until systemd has cleaned up
 */
export function systemdScope(
  id: string,
  run: string,
  { cpus, memoryBytes, processes }: ResourceLimits,
): readonly string[] {
  const properties = [
    ...(memoryBytes === undefined ? [] : [`MemoryMax=${memoryBytes}`]),
    ...(cpus === undefined ? [] : [`CPUQuota=${Math.max(1, Math.round(cpus * 100))}%`]),
    ...(processes === undefined ? [] : [`TasksMax=${processes}`]),
  ]
  return [
    'systemd-run',
    '--scope',
    '--quiet',
    '--collect',
    `--unit=lanista-${id}-${run}`,
    ...properties.flatMap((property) => ['-p', property]),
    '--',
  ]
}

/** How long systemd may take to say whether we may have scopes, ms. */
const probeMs = 5000

/**
 * Whether systemd is this machine's first process (sd_booted(3)) and gives the agent scopes: root has them, others where polkit says so. It is
 * asked for one, once, which takes some 20 ms.
 */
export function canUseSystemd(): boolean {
  if (!existsSync('/run/systemd/system')) return false
  const [program, ...words] = [...systemdScope('probe', String(process.pid), {}), 'true']
  return spawnSync(program, words, { timeout: probeMs, stdio: 'ignore' }).status === 0
}
