/** A sensor that reads one kernel file and takes no parameters: most of them. */
import * as z from 'zod/mini'
import { ProcFile } from './proc-file.ts'
import { type OpenSensor, type Outcome, parseParameters } from './sensor.ts'

export type NoParameters = Readonly<Record<string, never>>

const schema: z.ZodMiniType<NoParameters> = z.strictObject({})

/** Refuses every key; throws SENSOR_PARAMETERS. */
export function parseNoParameters(sensor: string, parameters: unknown): NoParameters {
  return parseParameters(sensor, schema, parameters)
}

/** Reads the file whole each time and lets `parse` make the outcome; a missing file is the empty text. */
export function openFile(path: string, parse: (text: string) => Outcome): OpenSensor {
  const file = new ProcFile(path)
  return {
    read: async () => parse(file.read() ?? ''),
    close: () => file.close(),
  }
}
