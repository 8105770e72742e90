import type { z } from 'zod'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { readSecretFile, writeSecretFile } from '#protocol/runtime/secret-file.ts'

/**
 * The JSON value in a file that only its owner reads (mode 0600), made and written whole on first use.
 * @throws LanistaError SECRET_UNREADABLE, DATA_DIR_UNWRITABLE
 */
export function openSecret<T>(path: string, schema: z.ZodType<T>, make: () => T): T {
  const text = readIfThere(path)
  if (text === undefined) return writeSecret(path, make())
  try {
    return schema.parse(JSON.parse(text))
  } catch (error) {
    throw new LanistaError(
      'SECRET_UNREADABLE',
      `restore ${path} from a copy, or remove it to have a new one made: found ${messageOf(error)}`,
      { cause: error, data: { path } },
    )
  }
}

/** Replaces the file; returns the value. Throws DATA_DIR_UNWRITABLE. */
export function writeSecret<T>(path: string, value: T): T {
  try {
    writeSecretFile(path, `${JSON.stringify(value, undefined, 2)}\n`)
    return value
  } catch (error) {
    throw new LanistaError(
      'DATA_DIR_UNWRITABLE',
      `choose another folder with --data: found ${messageOf(error)}, expected to write ${path}`,
      { cause: error, data: { path } },
    )
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readSecretFile(path)
  } catch (error) {
    throw new LanistaError('SECRET_UNREADABLE', `make ${path} readable: found ${messageOf(error)}`, { cause: error })
  }
}
