/** Every component's code as the registry has it: on the disk first, then here. The caller keeps its changes apart. */
import type { BlobStore } from '#controller/blobs/blob-store.ts'
import type { StagedBlob } from '#controller/blobs/staged-blob.ts'
import type { RegistryStore } from '#controller/registry/registry-store.ts'
import { type CodeOwner, type ComponentCode, noCode, readCodeRows, stateChange, versionChange } from './code-rows.ts'
import type { UploadedVersion } from './code-version.ts'
import type { CodeState } from './roll-out.ts'

export interface CodeBookDeps {
  readonly registry: RegistryStore
  readonly blobs: Pick<BlobStore, 'keep' | 'release'>
}

/** `application/component`. */
export function keyOf({ application, component }: CodeOwner): string {
  return `${application}/${component}`
}

export class CodeBook {
  readonly #tenant: string
  readonly #deps: CodeBookDeps
  readonly #codes: Map<string, ComponentCode>

  private constructor(tenant: string, deps: CodeBookDeps, codes: Map<string, ComponentCode>) {
    this.#tenant = tenant
    this.#deps = deps
    this.#codes = codes
  }

  static async open(tenant: string, deps: CodeBookDeps): Promise<CodeBook> {
    return new CodeBook(tenant, deps, await readCodeRows(tenant, deps.registry))
  }

  /** Components that have code. */
  get owners(): readonly CodeOwner[] {
    return [...this.#codes.keys()].map((key) => {
      const [application = '', component = ''] = key.split('/')
      return { application, component }
    })
  }

  of(owner: CodeOwner): ComponentCode {
    return this.#codes.get(keyOf(owner)) ?? noCode
  }

  /** Keeps an upload as a version. Throws REGISTRY_WRITE_FAILED. */
  async add(owner: CodeOwner, version: UploadedVersion, upload: StagedBlob): Promise<void> {
    await this.#deps.blobs.keep(upload, this.#holdOf(owner))
    await this.#deps.registry.write([versionChange(this.#tenant, owner, version, true)], { sync: true })
    const { versions, state } = this.of(owner)
    this.#codes.set(keyOf(owner), { versions: [...versions, version], state })
  }

  /** Throws REGISTRY_WRITE_FAILED. */
  async drop(owner: CodeOwner, version: UploadedVersion): Promise<void> {
    await this.#deps.registry.write([versionChange(this.#tenant, owner, version, false)], { sync: true })
    const { versions, state } = this.of(owner)
    this.#codes.set(keyOf(owner), { versions: versions.filter((one) => one !== version), state })
    await this.#deps.blobs.release(version.sha256, this.#holdOf(owner))
  }

  /** Throws REGISTRY_WRITE_FAILED. */
  async setState(owner: CodeOwner, state: CodeState): Promise<void> {
    await this.#deps.registry.write([stateChange(this.#tenant, owner, state)], { sync: true })
    this.#codes.set(keyOf(owner), { ...this.of(owner), state })
  }

  /** Nothing is left of it. Throws REGISTRY_WRITE_FAILED. */
  async forget(owner: CodeOwner): Promise<void> {
    await this.#deps.registry.write([stateChange(this.#tenant, owner, undefined)], { sync: true })
    for (const version of this.of(owner).versions) await this.drop(owner, version)
    this.#codes.delete(keyOf(owner))
  }

  #holdOf({ application, component }: CodeOwner): { readonly tenant: string; readonly holder: string } {
    return { tenant: this.#tenant, holder: `code.${application}.${component}` }
  }
}
