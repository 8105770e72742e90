import { join } from 'node:path'
import * as z from 'zod'
import { generateNkey, type NkeyPair, nkeyFromSeed } from '#broker/nkey.ts'
import { openSecret } from '#controller/up/secret-file.ts'

const schema: z.ZodType<{ seed: string }> = z.strictObject({ seed: z.string() })

/**
 * The key that signs orders, made at the first start: `order-key.json`, mode 0600. Agents know its public half from their own
 * configuration, so whoever replaces it must tell every agent. Throws SECRET_UNREADABLE, DATA_DIR_UNWRITABLE, NKEY_INVALID.
 */
export function openOrderKey(dataDir: string): NkeyPair {
  const { seed } = openSecret(join(dataDir, 'order-key.json'), schema, () => ({ seed: generateNkey().seed }))
  return nkeyFromSeed(seed)
}
