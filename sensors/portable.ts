/**
 * The five sensors that read `/proc` on Linux, elsewhere: the same metrics from the `systeminformation` package, which knows
 * many systems and starts processes on most of them. Loaded only where it is needed.
 */
import type { OpenSensor, Outcome, SensorDeps } from './sensor.ts'

export type PortableSensor = 'cpu' | 'memory' | 'disk' | 'filesystem' | 'network'

/** Opens the portable form of a sensor. Its parameters are not used: it reports totals and every device. */
export function openPortable(sensor: PortableSensor, deps: SensorDeps): OpenSensor {
  let loaded: Promise<OpenSensor> | undefined
  return {
    async read(signal): Promise<Outcome> {
      loaded ??= load(sensor, deps)
      return (await loaded).read(signal)
    },
    close: () => {},
  }
}

async function load(sensor: PortableSensor, deps: SensorDeps): Promise<OpenSensor> {
  const [{ openSystemInformation }, { default: systemInformation }] = await Promise.all([
    import('./system-information.ts'),
    import('systeminformation'),
  ])
  return openSystemInformation(sensor, deps, systemInformation)
}
