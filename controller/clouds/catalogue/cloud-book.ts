/** A tenant's clouds, credentials and what they offer, as the registry has them: on the disk first, then here. */

import type { RegistryStore } from '#controller/registry/registry-store.ts'
import { isLanistaError, LanistaError } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { Turns } from '#protocol/runtime/turns.ts'
import { parseId } from '#protocol/subjects/token.ts'
import type { CallLimits, CloudDriver, Quota } from '../cloud-driver.ts'
import {
  afterDiscovery,
  type Catalogue,
  emptyCatalogue,
  type HardwareCompletion,
  type ImageCompletion,
  type LocationCompletion,
  withoutCredential,
} from './catalogue.ts'
import {
  type CloudRow,
  type CloudRows,
  type CredentialRow,
  type CredentialState,
  cloudChanges,
  readCloudRows,
} from './catalogue-rows.ts'

export interface CloudBookDeps {
  readonly registry: RegistryStore
  readonly clock: Clock
  /** A driver for a cloud with a credential; it reads the secret that the row names. The book closes it. */
  readonly openDriver: (cloud: CloudRow, credential: CredentialRow) => Promise<CloudDriver>
}

/** What a person may add to an entry, by what it is. */
export interface Completions {
  readonly locations: LocationCompletion
  readonly hardware: HardwareCompletion
  readonly images: ImageCompletion
}

/** Changes wait for one another; so many at most, more are refused with BUSY. */
const waitingMax = 64

const stateOfCode: Readonly<Record<string, CredentialState>> = {
  CLOUD_CREDENTIALS_WRONG: 'wrong',
  CLOUD_CREDENTIALS_EXPIRED: 'expired',
  CLOUD_FORBIDDEN: 'forbidden',
}

export class CloudBook {
  readonly #tenant: string
  readonly #deps: CloudBookDeps
  readonly #turns = new Turns({ atOnceMax: 1, waitingMax })
  #rows: CloudRows

  private constructor(tenant: string, deps: CloudBookDeps, rows: CloudRows) {
    this.#tenant = tenant
    this.#deps = deps
    this.#rows = rows
  }

  static async open(tenant: string, deps: CloudBookDeps): Promise<CloudBook> {
    return new CloudBook(tenant, deps, await readCloudRows(tenant, deps.registry))
  }

  get clouds(): readonly CloudRow[] {
    return this.#rows.clouds
  }

  /** They name their secrets and hold none. */
  get credentials(): readonly CredentialRow[] {
    return this.#rows.credentials
  }

  get catalogue(): Catalogue {
    return this.#rows.catalogue
  }

  /** Adds or changes a cloud. Throws TOKEN_INVALID, REGISTRY_WRITE_FAILED, BUSY. */
  async putCloud(cloud: CloudRow, signal: AbortSignal): Promise<void> {
    parseId(cloud.name, 'cloud')
    await this.#change(signal, (rows) => ({
      ...rows,
      clouds: [...rows.clouds.filter(({ name }) => name !== cloud.name), cloud],
    }))
  }

  /** Adds or changes a credential; it is untried from now on. Throws CLOUD_UNKNOWN, TOKEN_INVALID, REGISTRY_WRITE_FAILED, BUSY. */
  async putCredential(
    credential: Pick<CredentialRow, 'cloud' | 'name' | 'user' | 'secret'>,
    signal: AbortSignal,
  ): Promise<void> {
    parseId(credential.name, 'credential')
    const row: CredentialRow = { ...credential, state: 'untried', checkedMs: 0 }
    await this.#change(signal, (rows) => {
      this.#cloud(credential.cloud)
      return { ...rows, credentials: [...rows.credentials.filter((one) => !isSame(one, row)), row] }
    })
  }

  /** What only it could see goes with it. Removing what is not there changes nothing. */
  async removeCredential(cloud: string, name: string, signal: AbortSignal): Promise<void> {
    await this.#change(signal, (rows) => ({
      ...rows,
      credentials: rows.credentials.filter((one) => !isSame(one, { cloud, name })),
      catalogue: withoutCredential(rows.catalogue, cloud, name),
    }))
  }

  /** Its credentials and all it offers go with it. */
  async removeCloud(cloud: string, signal: AbortSignal): Promise<void> {
    const isKept = (row: { readonly cloud: string }): boolean => row.cloud !== cloud
    await this.#change(signal, ({ clouds, credentials, catalogue }) => ({
      clouds: clouds.filter(({ name }) => name !== cloud),
      credentials: credentials.filter(isKept),
      catalogue: {
        locations: catalogue.locations.filter(isKept),
        hardware: catalogue.hardware.filter(isKept),
        images: catalogue.images.filter(isKept),
      },
    }))
  }

  /**
   * Asks the cloud what the credential can see, keeps it, and gives the quotas of this moment.
   * @throws LanistaError CLOUD_UNKNOWN, CREDENTIAL_UNKNOWN, the codes of `cloud-error.ts` (a credential that is wrong, expired or
   * may not look is marked so), REGISTRY_WRITE_FAILED, BUSY
   */
  async discover(cloud: string, name: string, limits: CallLimits): Promise<readonly Quota[]> {
    const credential = this.#credential(cloud, name)
    try {
      await using driver = await this.#deps.openDriver(this.#cloud(cloud), credential)
      const offers = await driver.discover(limits)
      const nowMs = this.#deps.clock.now()
      await this.#change(limits.signal, (rows) => {
        // it was removed, or changed, while the cloud was asked: what it saw counts no more
        if (!rows.credentials.some((one) => isUnchanged(one, credential))) return rows
        const catalogue = afterDiscovery(rows.catalogue, { cloud, credential: name, offers, nowMs })
        return { ...marked(rows, credential, 'good', nowMs), catalogue }
      })
      return offers.quotas
    } catch (error) {
      const state = isLanistaError(error) ? stateOfCode[error.code] : undefined
      if (state) await this.#change(limits.signal, (rows) => marked(rows, credential, state, this.#deps.clock.now()))
      throw error
    }
  }

  /** What a person knows better than the cloud says; an empty completion takes it back. Throws OFFER_UNKNOWN, … */
  async complete<K extends keyof Completions>(
    kind: K,
    cloud: string,
    id: string,
    completion: Completions[K],
    signal: AbortSignal,
  ): Promise<void> {
    await this.#change(signal, (rows) => {
      const entries: readonly { readonly cloud: string; readonly offer: { readonly id: string } }[] =
        rows.catalogue[kind]
      const isMeant = (entry: (typeof entries)[number]): boolean => entry.cloud === cloud && entry.offer.id === id
      if (!entries.some(isMeant)) throw unknown('OFFER_UNKNOWN', `${kind} of ${cloud}`, id)
      const completed = entries.map((entry) => (isMeant(entry) ? { ...entry, completion } : entry))
      return { ...rows, catalogue: { ...emptyCatalogue, ...rows.catalogue, [kind]: completed } }
    })
  }

  async #change(signal: AbortSignal, step: (rows: CloudRows) => CloudRows): Promise<void> {
    await this.#turns.run(async () => {
      const after = step(this.#rows)
      await this.#deps.registry.write(cloudChanges(this.#tenant, this.#rows, after), { sync: true })
      this.#rows = after
    }, signal)
  }

  #cloud(name: string): CloudRow {
    const cloud = this.#rows.clouds.find((one) => one.name === name)
    if (!cloud) throw unknown('CLOUD_UNKNOWN', 'cloud', name)
    return cloud
  }

  #credential(cloud: string, name: string): CredentialRow {
    this.#cloud(cloud)
    const credential = this.#rows.credentials.find((one) => isSame(one, { cloud, name }))
    if (!credential) throw unknown('CREDENTIAL_UNKNOWN', `credential of ${cloud}`, name)
    return credential
  }
}

function isSame(a: Pick<CredentialRow, 'cloud' | 'name'>, b: Pick<CredentialRow, 'cloud' | 'name'>): boolean {
  return a.cloud === b.cloud && a.name === b.name
}

function isUnchanged(one: CredentialRow, before: CredentialRow): boolean {
  return isSame(one, before) && one.user === before.user && one.secret === before.secret
}

function marked(rows: CloudRows, credential: CredentialRow, state: CredentialState, checkedMs: number): CloudRows {
  const credentials = rows.credentials.map((one) => (isUnchanged(one, credential) ? { ...one, state, checkedMs } : one))
  return { ...rows, credentials }
}

function unknown(code: string, what: string, name: string): LanistaError {
  return new LanistaError(
    code,
    `name another ${what}: found ${JSON.stringify(name.slice(0, 80))}, expected one that is there`,
  )
}
