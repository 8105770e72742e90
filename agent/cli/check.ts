import { LanistaError, messageOf } from '#protocol/errors.ts'
import { compileSelector } from '#protocol/metrics/selector.ts'
import { printConfig } from '#protocol/runtime/config.ts'
import { sensors } from '#sensors/registry.ts'
import { prepareSensors } from '#sensors/sensor-set.ts'
import { type AgentConfig, uplinkOf } from '../config.ts'
import { sensorList } from '../sensor-list.ts'
import { fillOptions } from '../store/options.ts'
import type { Command } from './arguments.ts'
import { loadAgentConfig } from './load-config.ts'

/** A mistake that the schema cannot see. */
interface Fault {
  readonly path: string
  readonly message: string
}

/** Checks a configuration without touching the network or the disk: every mistake with its path, exit code 2 when there is one. */
export function check(command: Extract<Command, { kind: 'check' }>): number {
  const loaded = loadAgentConfig(command)
  const faults = faultsOf(loaded.value)
  if (faults.length > 0) {
    const lines = faults.map(({ path, message }) => `${path}: ${message}`)
    throw new LanistaError('CONFIG_INVALID', `correct the configuration: ${lines.join('\n')}`, { data: { faults } })
  }
  if (command.print) process.stdout.write(printConfig(loaded))
  else process.stdout.write(command.json ? `${JSON.stringify({ ok: true })}\n` : 'the configuration is sound\n')
  return 0
}

/** Sensors, tiers and selectors have rules of their own. */
export function faultsOf(config: AgentConfig): Fault[] {
  const list = sensorList(config)
  const byDefault = list.length - config.sensors.length
  const entries = list.flatMap((entry, i) =>
    faultOf(`sensors.${i - byDefault}`, () => prepareSensors([entry], sensors)),
  )
  return [
    ...(entries.length > 0 ? entries : faultOf('sensors', () => prepareSensors(list, sensors))),
    ...faultOf('store.tiers', () => fillOptions({ folder: config.data, ...config.store }, 0)),
    ...selectorFaults('publish', config.publish),
    ...selectorFaults('uplink', uplinkOf(config)),
  ]
}

function selectorFaults(path: string, selectors: 'all' | readonly string[]): Fault[] {
  if (selectors === 'all') return []
  return selectors.flatMap((text, i) => faultOf(`${path}.${i}`, () => compileSelector(text)))
}

function faultOf(path: string, attempt: () => unknown): Fault[] {
  try {
    attempt()
    return []
  } catch (error) {
    return [{ path, message: messageOf(error) }]
  }
}
