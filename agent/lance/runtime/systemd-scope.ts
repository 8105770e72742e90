/** Limits of a directory instance where systemd runs: a transient scope, a cgroup of its own outside the agent's unit. */
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

/** Whether systemd is this machine's first process (sd_booted(3)) and the agent may ask it for scopes. */
export function canUseSystemd(): boolean {
  return existsSync('/run/systemd/system') && process.getuid?.() === 0
}
