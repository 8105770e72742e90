/**
 * Subscriptions on disk: a row each in the registry without its secret, and all secrets in one file that its owner alone may read.
 * A secret is on disk before the row that wants it, and goes after it.
 */
import type { RegistryStore } from '#controller/registry/registry-store.ts'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { readSecretFile, writeSecretFile } from '#protocol/runtime/secret-file.ts'
import { formOf } from './form.ts'
import { parseSubscription } from './parse.ts'
import { type Subscription, subscriptionId } from './subscription.ts'

/** A subscription and whose it is. */
export interface Owned {
  readonly tenant: string
  readonly subscription: Subscription
}

/** `T.<id>`: unique in the controller. */
export function ownedKey({ tenant, subscription }: Owned): string {
  return `${tenant}.${subscriptionId(subscription)}`
}

const rowPrefix = 'subscription!'

export class SubscriptionRows {
  readonly #registry: RegistryStore
  readonly #secretsPath: string
  #secrets: ReadonlyMap<string, string>

  private constructor(registry: RegistryStore, secretsPath: string, secrets: Map<string, string>) {
    this.#registry = registry
    this.#secretsPath = secretsPath
    this.#secrets = secrets
  }

  /** Throws SECRETS_DAMAGED when the file is there and cannot be read. */
  static open(registry: RegistryStore, secretsPath: string): SubscriptionRows {
    return new SubscriptionRows(registry, secretsPath, readSecrets(secretsPath))
  }

  /** All that can be read; a row of another shape is logged and left where it is. */
  async load(logger: Logger): Promise<Owned[]> {
    const found: Owned[] = []
    for await (const { key, value } of this.#registry.list(rowPrefix)) {
      const id = key.slice(rowPrefix.length)
      const subscription = subscriptionIn(value, this.#secrets.get(id))
      if (subscription) found.push({ tenant: id.slice(0, id.indexOf('.')), subscription })
      else logger.error({ subscription: id }, 'subscription_row_unreadable')
    }
    return found
  }

  /** Throws REGISTRY_WRITE_FAILED, SECRETS_UNWRITABLE; nothing was changed then that the next start would show. */
  async write(put: readonly Owned[], remove: readonly Owned[]): Promise<void> {
    const before = this.#secrets
    try {
      this.#writeSecrets(withSecrets(before, put, []))
      await this.#registry.write(
        [
          ...remove.map((owned) => ({ key: rowPrefix + ownedKey(owned), remove: true as const })),
          ...put.map((owned) => ({ key: rowPrefix + ownedKey(owned), value: rowOf(owned.subscription) })),
        ],
        { sync: true },
      )
    } catch (error) {
      this.#writeSecrets(before)
      throw error
    }
    this.#writeSecrets(withSecrets(before, put, remove))
  }

  /** Puts secrets onto the disk ahead of the rows that want them; the returned function takes them back. Throws SECRETS_UNWRITABLE. */
  keep(put: readonly Owned[]): () => void {
    const before = this.#secrets
    const kept = put.filter(({ subscription }) => subscription.secret !== undefined)
    this.#writeSecrets(withSecrets(before, kept, []))
    return () => {
      const after = new Map(this.#secrets)
      for (const key of kept.map(ownedKey)) {
        const secret = before.get(key)
        if (secret === undefined) after.delete(key)
        else after.set(key, secret)
      }
      this.#writeSecrets(after)
    }
  }

  /** What the file has is what we have. */
  #writeSecrets(secrets: ReadonlyMap<string, string>): void {
    const text = textOf(secrets)
    try {
      if (text !== textOf(this.#secrets)) writeSecretFile(this.#secretsPath, text)
      this.#secrets = secrets
    } catch (cause) {
      throw new LanistaError('SECRETS_UNWRITABLE', `make ${this.#secretsPath} writable: ${messageOf(cause)}`, { cause })
    }
  }
}

function withSecrets(
  before: ReadonlyMap<string, string>,
  put: readonly Owned[],
  remove: readonly Owned[],
): ReadonlyMap<string, string> {
  const secrets = new Map(before)
  for (const owned of [...put, ...remove]) secrets.delete(ownedKey(owned))
  for (const owned of put) {
    if (owned.subscription.secret !== undefined) secrets.set(ownedKey(owned), owned.subscription.secret)
  }
  return secrets
}

function textOf(secrets: ReadonlyMap<string, string>): string {
  return JSON.stringify(Object.fromEntries(secrets))
}

function rowOf(subscription: Subscription): object {
  const { name, application } = subscription
  return { name, ...(application === undefined ? {} : { application }), form: formOf(subscription) }
}

function subscriptionIn(row: unknown, secret: string | undefined): Subscription | undefined {
  if (typeof row !== 'object' || row === null || !('name' in row) || !('form' in row)) return undefined
  const application = 'application' in row && typeof row.application === 'string' ? row.application : undefined
  const { subscription } = parseSubscription(String(row.name), row.form, { application })
  return subscription && { ...subscription, secret }
}

function readSecrets(path: string): Map<string, string> {
  const text = readSecretFile(path)
  if (text === undefined) return new Map()
  try {
    const entries = Object.entries(JSON.parse(text) as Record<string, unknown>)
    return new Map(entries.flatMap(([key, value]) => (typeof value === 'string' ? [[key, value] as const] : [])))
  } catch (cause) {
    throw new LanistaError(
      'SECRETS_DAMAGED',
      `move ${path} away and set the secrets of the subscriptions again: found ${messageOf(cause)}, expected JSON`,
      { cause },
    )
  }
}
