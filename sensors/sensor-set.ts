/** A set of sensors as a configuration names them, checked whole before any of it takes effect. */
import { LanistaError } from '#protocol/errors.ts'
import { parseId } from '#protocol/subjects/token.ts'
import type { Sensor } from './sensor.ts'

/** One sensor to be read. */
export interface ConfiguredSensor {
  /** Names it in `sensor.*` and in logs: 1 to 64 of A-Z a-z 0-9 _ -, without a leading `_`. Default: the sensor's name. */
  readonly id?: string | undefined
  /** A name of the table in `sensors/README.md`, or a sensor made by the program itself. */
  readonly sensor: string | Sensor
  /** Whole milliseconds, at least 100. */
  readonly intervalMs: number
  /** Time a read may take, ms. Default: the interval. */
  readonly deadlineMs?: number | undefined
  /** The sensor's own; see `sensors/README.md`. */
  readonly parameters?: unknown
  /** Added to every reading; keeps two sensors of one kind apart. */
  readonly tags?: Readonly<Record<string, string>> | undefined
}

/** A configured sensor that can be opened. */
export interface PreparedSensor {
  readonly id: string
  readonly sensor: Sensor
  readonly parameters: unknown
  readonly intervalMs: number
  readonly deadlineMs: number
  readonly tags: Readonly<Record<string, string>>
  /** The same text means that nothing has changed. */
  readonly revision: string
}

const intervalMsMin = 100

/** Looks up and checks every entry. @throws LanistaError SENSOR_UNKNOWN, SENSOR_PARAMETERS, SENSOR_DUPLICATE, TOKEN_INVALID */
export function prepareSensors(list: readonly ConfiguredSensor[], known: readonly Sensor[]): readonly PreparedSensor[] {
  const prepared = list.map((entry) => prepare(entry, known))
  const ids = new Set<string>()
  for (const { id } of prepared) {
    if (ids.has(id)) {
      throw new LanistaError('SENSOR_DUPLICATE', `give one of the sensors another id: found ${id} twice`, {
        data: { id },
      })
    }
    ids.add(id)
  }
  return prepared
}

function prepare(entry: ConfiguredSensor, known: readonly Sensor[]): PreparedSensor {
  const sensor = typeof entry.sensor === 'string' ? find(entry.sensor, known) : entry.sensor
  const id = parseId(entry.id ?? sensor.name, 'sensor id')
  const { intervalMs, deadlineMs = intervalMs, tags = {} } = entry
  for (const [key, value] of Object.entries({ intervalMs, deadlineMs })) {
    if (Number.isInteger(value) && value >= intervalMsMin) continue
    throw new LanistaError(
      'SENSOR_PARAMETERS',
      `correct sensor ${id} at ${key}: found ${value}, expected whole milliseconds, at least ${intervalMsMin}`,
      { data: { sensor: id, path: key } },
    )
  }
  const parameters = sensor.parse(entry.parameters)
  const revision = JSON.stringify([sensor.name, intervalMs, deadlineMs, parameters, tags])
  return { id, sensor, parameters, intervalMs, deadlineMs, tags, revision }
}

function find(name: string, known: readonly Sensor[]): Sensor {
  const sensor = known.find((one) => one.name === name)
  if (sensor) return sensor
  const expected = known.map((one) => one.name).join(', ')
  throw new LanistaError(
    'SENSOR_UNKNOWN',
    `choose another sensor: found ${JSON.stringify(name)}, expected ${expected}`,
    {
      data: { sensor: name },
    },
  )
}
