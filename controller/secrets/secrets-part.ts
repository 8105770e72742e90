import type { RegistryStore } from '#controller/registry/registry-store.ts'
import { isLanistaError } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { KeyFile, type KeyPlace } from './key-file.ts'
import { SecretStore } from './secret-store.ts'

export interface SecretsDeps {
  readonly registry: RegistryStore
  readonly clock: Pick<Clock, 'now'>
  readonly logger: Logger
}

/**
 * The secrets of a controller; undefined without a master key, or with one that is refused: that is logged as an error, and costs
 * the secrets alone.
 */
export async function openSecrets(
  { masterKey, dataDir }: { readonly masterKey: KeyPlace | undefined; readonly dataDir: string },
  { registry, clock, logger }: SecretsDeps,
): Promise<SecretStore | undefined> {
  if (masterKey === undefined) return undefined
  try {
    return new SecretStore({ registry, clock, keyFile: await KeyFile.open(masterKey, dataDir) })
  } catch (error) {
    if (!isLanistaError(error)) throw error
    logger.error({ code: error.code, reason: error.message }, 'master_key_refused')
    return undefined
  }
}
