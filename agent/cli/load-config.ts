import { type LoadedConfig, loadConfig, readConfigFile } from '#protocol/runtime/config.ts'
import { type AgentConfig, agentConfigSchema, defaultAgentConfig } from '../config.ts'
import type { ConfigFlags } from './arguments.ts'

/** The configuration behind file, environment and flags; throws CONFIG_INVALID with every mistake, CONFIG_UNREADABLE. */
export function loadAgentConfig(flags: ConfigFlags): LoadedConfig<AgentConfig> {
  return loadConfig(agentConfigSchema, {
    defaults: defaultAgentConfig(),
    file: flags.config === undefined ? undefined : readConfigFile(flags.config),
    environment: process.env,
    flags: { data: flags.data },
  })
}

const reloadable: ReadonlySet<string> = new Set(['sensors', 'defaultSensors', 'sensorIntervalMs'])

/** Settings that differ and take effect only with the next start. */
export function settingsThatNeedRestart(before: AgentConfig, after: AgentConfig): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof AgentConfig>
  return [...keys].filter((key) => !reloadable.has(key) && JSON.stringify(before[key]) !== JSON.stringify(after[key]))
}
