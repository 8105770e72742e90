import { LanistaError } from '#protocol/errors.ts'

/** The instance has no place here. */
export function noPlace(id: string): LanistaError {
  return new LanistaError('INSTANCE_UNKNOWN', `prepare the instance first: found no place of ${id}`, { data: { id } })
}

/** What is to happen beside its main process, or in its container, cannot. */
export function notRunning(id: string): LanistaError {
  return new LanistaError('RUNTIME_REFUSED', `start ${id} first: found it ended, expected it to run`, { data: { id } })
}
