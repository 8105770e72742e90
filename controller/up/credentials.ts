/** The credentials a controller owns, kept in its data folder: the operator's, its own nkey, those of its leaf servers. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import type { LeafLogin } from '#broker/leaf-config.ts'
import { generateNkey, nkeyFromSeed } from '#broker/nkey.ts'
import { openSecret } from './secret-file.ts'

/** Who may ask and listen: the same pair for HTTP (the password is the bearer token) and for the broker. */
export interface OperatorCredential {
  readonly user: string
  readonly password: string
}

/** The controller's nkey: `SU…` and `U…`. */
export interface ControllerKey {
  readonly seed: string
  readonly publicKey: string
}

const operatorSchema: z.ZodType<OperatorCredential> = z.strictObject({
  user: z.string().min(1),
  password: z.string().min(16),
})
const leafSchema: z.ZodType<{ password: string }> = z.strictObject({ password: z.string().min(16) })
const keySchema: z.ZodType<{ seed: string }> = z.strictObject({ seed: z.string() })

/** The operator's credential, made once: 256 random bits. Throws SECRET_UNREADABLE, DATA_DIR_UNWRITABLE. */
export function openOperator(dataDir: string): OperatorCredential {
  return openSecret(join(dataDir, 'operator.json'), operatorSchema, () => ({
    user: 'operator',
    password: randomPassword(),
  }))
}

/** What the leaf server of a cloud logs in with at the hub, made once. Throws SECRET_UNREADABLE, DATA_DIR_UNWRITABLE. */
export function openLeafLogin(dataDir: string, cloud: string): LeafLogin {
  const { password } = openSecret(join(dataDir, `leaf-${cloud}.json`), leafSchema, () => ({
    password: randomPassword(),
  }))
  return { cloud, password }
}

/** The controller's nkey, made once. Throws SECRET_UNREADABLE, DATA_DIR_UNWRITABLE. */
export function openControllerKey(dataDir: string): ControllerKey {
  const { seed } = openSecret(join(dataDir, 'controller-key.json'), keySchema, () => ({ seed: generateNkey().seed }))
  return { seed, publicKey: nkeyFromSeed(seed).publicKey }
}

/** 256 random bits. */
function randomPassword(): string {
  return randomBytes(32).toString('base64url')
}
