/** Secrets by name: set, replaced and removed by operators, read by what needs them in this process, told to nobody. */
import * as z from 'zod'
import type { RegistryStore } from '#controller/registry/registry-store.ts'
import { LanistaError } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { Turns } from '#protocol/runtime/turns.ts'
import { parseId } from '#protocol/subjects/token.ts'
import { type Envelope, openSecret, resealSecret, type SecretId, sealSecret } from './envelope.ts'
import type { KeyFile } from './key-file.ts'
import { generateMasterKey, type MasterKey } from './master-key.ts'

/** What may be known of a secret. */
export interface SecretView {
  readonly name: string
  readonly createdMs: number
  readonly changedMs: number
  /** Of the master key that it needs. */
  readonly keyId: string
  /** False where that key is not at hand. */
  readonly isOpenable: boolean
}

/** What a rotation did. */
export interface Rotation {
  /** Of the key that seals from now on. */
  readonly keyId: string
  /** Secrets sealed anew. */
  readonly resealed: number
  /** Secrets left as they were: their key is not at hand, or they are damaged. */
  readonly left: number
}

export interface SecretStoreDeps {
  readonly registry: RegistryStore
  readonly keyFile: KeyFile
  readonly clock: Pick<Clock, 'now'>
}

interface SecretRow extends Envelope {
  readonly createdMs: number
  readonly changedMs: number
}

/** Bytes of one secret. */
export const secretBytesMax = 65_536
/** Secrets of one tenant. */
const secretsMax = 1024
/** Changes that wait for the one under way; more are refused as BUSY. */
const waitingMax = 64

const prefix = 'secret!'
const rowSchema: z.ZodType<SecretRow> = z.object({
  keyId: z.string(),
  key: z.string(),
  body: z.string(),
  createdMs: z.number(),
  changedMs: z.number(),
})

export class SecretStore {
  readonly #deps: SecretStoreDeps
  /** Changes go one at a time: none may seal with a key that a rotation is doing away with. */
  readonly #turns = new Turns({ atOnceMax: 1, waitingMax })

  constructor(deps: SecretStoreDeps) {
    this.#deps = deps
  }

  /** All secrets of a tenant by name; a row of another shape is as good as none. */
  async list(tenant: string): Promise<SecretView[]> {
    const views: SecretView[] = []
    for await (const { id, row } of this.#rows(`${prefix}${tenant}!`)) {
      const { createdMs, changedMs, keyId } = row
      views.push({ name: id.name, createdMs, changedMs, keyId, isOpenable: this.#keys.some((key) => key.id === keyId) })
    }
    return views
  }

  /**
   * Sets a secret, on disk when the promise resolves.
   * @throws LanistaError TOKEN_INVALID, SECRET_INVALID (empty, or longer than `secretBytesMax`), SECRETS_LIMIT, BUSY,
   * REGISTRY_WRITE_FAILED; the signal's reason
   */
  async set(id: SecretId, text: string, signal: AbortSignal): Promise<'created' | 'changed'> {
    parseId(id.name, 'name of the secret')
    expectSecret(text)
    return this.#turns.run(async () => {
      const before = await this.#row(id)
      if (!before) await this.#expectRoom(id.tenant)
      const now = this.#deps.clock.now()
      const row = { ...sealSecret(id, text, this.#sealing), createdMs: before?.createdMs ?? now, changedMs: now }
      await this.#deps.registry.write([{ key: keyOf(id), value: row }], { sync: true })
      return before ? 'changed' : 'created'
    }, signal)
  }

  /** Throws SECRET_UNKNOWN, BUSY, REGISTRY_WRITE_FAILED; the signal's reason. */
  async remove(id: SecretId, signal: AbortSignal): Promise<void> {
    await this.#turns.run(async () => {
      if (!(await this.#row(id))) throw unknownSecret(id)
      await this.#deps.registry.write([{ key: keyOf(id), remove: true }], { sync: true })
    }, signal)
  }

  /** The text, for use in this process only: no route, log or error may carry it. Throws SECRET_UNKNOWN, SECRET_KEY_MISSING, SECRET_DAMAGED. */
  async read(id: SecretId): Promise<string> {
    const row = await this.#row(id)
    if (!row) throw unknownSecret(id)
    return openSecret(id, row, this.#keys)
  }

  /**
   * Seals all data keys of all tenants with another master key. A key file of ours gets a new key and loses the old ones once nothing
   * needs them; a credential is read again, and its first key taken. Killed at any line, all secrets still open: both keys are in
   * the file before a row changes, and all rows change at once.
   * @throws LanistaError MASTER_KEY_UNWRITABLE, MASTER_KEY_UNREADABLE, MASTER_KEY_INVALID, MASTER_KEY_EXPOSED, BUSY, REGISTRY_WRITE_FAILED
   */
  async rotate(signal: AbortSignal): Promise<Rotation> {
    return this.#turns.run(async () => {
      const { keyFile, registry } = this.#deps
      keyFile.reload()
      const isOurs = keyFile.place.kind === 'file'
      if (isOurs) keyFile.write([generateMasterKey(), ...keyFile.keys])
      const { changes, left } = await this.#resealed()
      await registry.write(changes, { sync: true })
      if (isOurs) keyFile.write([this.#sealing]) // what is left opens with none of the others
      return { keyId: this.#sealing.id, resealed: changes.length, left }
    }, signal)
  }

  async #resealed(): Promise<{ changes: { key: string; value: SecretRow }[]; left: number }> {
    const changes: { key: string; value: SecretRow }[] = []
    let left = 0
    for await (const { id, row } of this.#rows(prefix)) {
      if (row.keyId === this.#sealing.id) continue
      try {
        changes.push({ key: keyOf(id), value: { ...row, ...resealSecret(id, row, this.#sealing, this.#keys) } })
      } catch {
        left++ // told by the count, and by whoever reads it
      }
    }
    return { changes, left }
  }

  async #expectRoom(tenant: string): Promise<void> {
    const { length } = await this.list(tenant)
    if (length < secretsMax) return
    throw new LanistaError('SECRETS_LIMIT', `remove a secret first: found ${length}, expected less than ${secretsMax}`)
  }

  async #row(id: SecretId): Promise<SecretRow | undefined> {
    return rowSchema.safeParse(await this.#deps.registry.get(keyOf(id))).data
  }

  async *#rows(start: string): AsyncIterable<{ id: SecretId; row: SecretRow }> {
    for await (const { key, value } of this.#deps.registry.list(start)) {
      const [tenant = '', name = ''] = key.slice(prefix.length).split('!')
      const { data: row } = rowSchema.safeParse(value)
      if (row) yield { id: { tenant, name }, row }
    }
  }

  get #keys(): readonly MasterKey[] {
    return this.#deps.keyFile.keys
  }

  get #sealing(): MasterKey {
    return this.#deps.keyFile.sealing()
  }
}

function keyOf({ tenant, name }: SecretId): string {
  return `${prefix}${tenant}!${name}`
}

function expectSecret(text: string): void {
  const bytes = Buffer.byteLength(text)
  if (bytes > 0 && bytes <= secretBytesMax) return
  throw new LanistaError('SECRET_INVALID', `send another secret: found ${bytes} bytes, expected 1 to ${secretBytesMax}`)
}

function unknownSecret({ tenant, name }: SecretId): LanistaError {
  return new LanistaError('SECRET_UNKNOWN', `name one of GET /api/v1/secrets: found no ${JSON.stringify(name)}`, {
    data: { tenant, name },
  })
}
