import { join } from 'node:path'
import * as z from 'zod/mini'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { readSecretFile, writeSecretFile } from '#protocol/runtime/secret-file.ts'
import { dotted, expectedOf } from '#protocol/schema-words.ts'
import { type SensorConfig, sensorConfigsSchema } from '../config.ts'
import type { SensorSettings } from '../sensor-list.ts'
import type { OrderHandler } from './order-handler.ts'

interface Ordered {
  readonly sensors: readonly SensorConfig[]
}

const orderedSchema: z.ZodMiniType<Ordered> = z.strictObject({ sensors: sensorConfigsSchema })

export interface OrderedSensorsDeps {
  /** Reads these sensors from now on, all or nothing; throws SENSOR_UNKNOWN, SENSOR_PARAMETERS, SENSOR_DUPLICATE. */
  readonly configure: (settings: SensorSettings) => void
  readonly logger: Logger
}

/**
 * What is measured: the sensors of the configuration, and those of the newest order `sensors-configure`, which take the place of
 * those with the same id. Orders outlast the agent, in `sensors.json` of its data folder; what they may run is for the configuration
 * alone to say (`allow`).
 */
export class OrderedSensors {
  readonly #path: string
  readonly #deps: OrderedSensorsDeps
  #base: SensorSettings
  #ordered: Ordered = { sensors: [] }

  /** Begins with what was ordered before; an order that fits no more is left out and logged. Throws as `configure`. */
  constructor(options: { readonly data: string; readonly base: SensorSettings }, deps: OrderedSensorsDeps) {
    this.#path = join(options.data, 'sensors.json')
    this.#base = options.base
    this.#deps = deps
    try {
      this.#ordered = this.#read()
      deps.configure(this.#together(options.base, this.#ordered))
    } catch (error) {
      deps.logger.error({ path: this.#path, error: messageOf(error) }, 'ordered_sensors_left_out')
      this.#ordered = { sensors: [] }
      deps.configure(options.base)
    }
  }

  /** The configuration has changed; what was ordered stays. Throws as `configure`, and changes nothing then. */
  rebase(base: SensorSettings): void {
    this.#deps.configure(this.#together(base, this.#ordered))
    this.#base = base
  }

  /** `sensors-configure` with `{"sensors": [as in the configuration]}`: the whole list, in place of the one ordered before. */
  get handler(): OrderHandler {
    return {
      verbs: ['sensors-configure'],
      handle: async (_verb, body) => {
        const ordered = parseOrdered(body)
        this.#deps.configure(this.#together(this.#base, ordered))
        this.#keep(ordered)
        this.#ordered = ordered
        return { sensors: ordered.sensors.length }
      },
    }
  }

  /** What cannot be kept is taken back, so that a restart changes nothing. */
  #keep(ordered: Ordered): void {
    try {
      writeSecretFile(this.#path, `${JSON.stringify(ordered)}\n`)
    } catch (error) {
      this.#deps.configure(this.#together(this.#base, this.#ordered))
      throw error
    }
  }

  #together(base: SensorSettings, { sensors }: Ordered): SensorSettings {
    const ids = new Set(sensors.map(idOf))
    return { ...base, sensors: [...base.sensors.filter((sensor) => !ids.has(idOf(sensor))), ...sensors] }
  }

  #read(): Ordered {
    const text = readSecretFile(this.#path)
    return text === undefined ? { sensors: [] } : parseOrdered(JSON.parse(text))
  }
}

function idOf({ id, sensor }: SensorConfig): string {
  return id ?? sensor
}

function parseOrdered(value: unknown): Ordered {
  const result = orderedSchema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const found = issue ? `${dotted(issue.path)}: expected ${expectedOf(issue)}` : 'another shape'
  throw new LanistaError('SENSOR_PARAMETERS', `correct the sensors of the order: ${found}`)
}
