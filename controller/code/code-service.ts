/**
 * Versions of components' code: uploaded, looked at, kept by their digest, and rolled out. What instances are told follows from `decide`, which
 * the reconciler asks in each of its rounds; a change is on the disk before anything follows from it.
 */
import type { Readable } from 'node:stream'
import type { ApplicationRegistry } from '#controller/applications/application-registry.ts'
import type { BlobStore } from '#controller/blobs/blob-store.ts'
import type { StagedBlob } from '#controller/blobs/staged-blob.ts'
import type { Fleet } from '#controller/instances/fleet.ts'
import type { WantedCode } from '#controller/instances/wanted-code.ts'
import type { RegistryStore } from '#controller/registry/registry-store.ts'
import type { Component } from '#protocol/application/model.ts'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { Turns } from '#protocol/runtime/turns.ts'
import { CodeBook } from './code-book.ts'
import type { CodeEvent } from './code-news.ts'
import type { CodeOwner, ComponentCode } from './code-rows.ts'
import { findVersion, shortId, type UploadedVersion } from './code-version.ts'
import { RollOuts } from './roll-outs.ts'
import { takeArchive } from './take-archive.ts'

export interface CodeServiceDeps {
  readonly registry: RegistryStore
  readonly blobs: BlobStore
  readonly applications: Pick<ApplicationRegistry, 'get' | 'onChange'>
  readonly clock: Clock
  readonly logger: Logger
}

/** What is said of an upload beside its bytes. */
export interface UploadFacts {
  readonly name: string
  readonly description: string
}

/** Where the code of a component is. */
export interface CodeView extends ComponentCode {
  /** What its roll-out waits for; undefined = none is under way, or nobody has looked yet. */
  readonly waits: string | undefined
}

/** Uploads at once, and waiting. */
const uploads = { atOnceMax: 2, waitingMax: 8 } as const
/** Changes that wait for the one before. */
const waitingMax = 64
/** Versions kept where the file says nothing. */
const versionsMaxDefault = 10
/** Events that nobody has listened to yet; the oldest go. */
const untoldMax = 100

export class CodeService {
  readonly #tenant: string
  readonly #deps: CodeServiceDeps
  readonly #book: CodeBook
  readonly #rollOuts: RollOuts
  readonly #uploads = new Turns(uploads)
  readonly #turns = new Turns({ atOnceMax: 1, waitingMax })
  readonly #stop = new AbortController()
  readonly #listeners = new Set<() => void>()
  readonly #unfollow: () => void
  #untold: CodeEvent[] = []
  #hear: ((event: CodeEvent) => void) | undefined

  private constructor(tenant: string, deps: CodeServiceDeps, book: CodeBook) {
    this.#tenant = tenant
    this.#deps = deps
    this.#book = book
    this.#rollOuts = new RollOuts({ book, say: (event) => this.#say(event), monotonic: () => deps.clock.monotonic() })
    this.#unfollow = deps.applications.onChange(({ kind }) => {
      if (kind === 'removed') void this.#sweep()
    })
  }

  /** Reads what there is, and forgets what belongs to applications that are gone. */
  static async open(tenant: string, deps: CodeServiceDeps): Promise<CodeService> {
    const service = new CodeService(tenant, deps, await CodeBook.open(tenant, deps))
    await service.#sweep()
    return service
  }

  /** Calls `listener` after each change that instances have to follow, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What happens to code, also what happened before anybody listened; one listener. */
  onEvent(listener: (event: CodeEvent) => void): () => void {
    this.#hear = listener
    for (const event of this.#untold.splice(0)) listener(event)
    return () => {
      this.#hear = undefined
    }
  }

  /** Throws NOT_FOUND. */
  view(owner: CodeOwner): CodeView {
    this.#expectComponent(owner)
    return { ...this.#book.of(owner), waits: this.#rollOuts.waitsOf(owner) }
  }

  /**
   * Takes an archive in: a version that may be enabled. The same bytes again are the version that is there. Where there are more than are kept
   * the oldest goes that nothing runs.
   * @throws LanistaError NOT_FOUND, CODE_REFUSED (naming the member at fault), BLOB_TOO_LARGE, BLOBS_FULL, DISK_FULL, BUSY,
   * REGISTRY_WRITE_FAILED
   */
  async upload(
    owner: CodeOwner,
    facts: UploadFacts,
    source: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<UploadedVersion> {
    this.#expectComponent(owner)
    return await this.#uploads.run(async () => {
      const { type, staged } = await takeArchive(this.#deps.blobs, source, signal)
      await using upload = staged
      const uploadedAtMs = this.#deps.clock.now()
      const version = { ...facts, type, uploadedAtMs, sha256: upload.sha256, bytes: upload.bytes }
      return await this.#turns.run(() => this.#keep(owner, version, upload), signal)
    }, signal)
  }

  /**
   * Has a version rolled out; from where another stands that is under way.
   * @param gateMs how long each instance must stay well on it
   * @throws LanistaError NOT_FOUND, CODE_UNKNOWN, CODE_ACTIVE when it is enabled already, BUSY, REGISTRY_WRITE_FAILED
   */
  async enable(owner: CodeOwner, version: string, gateMs: number, signal: AbortSignal): Promise<CodeView> {
    this.#expectComponent(owner)
    await this.#turns.run(async () => {
      const { versions, state } = this.#book.of(owner)
      const { sha256: to } = findVersion(versions, version)
      const { current, rollOut, last } = state
      if (rollOut?.to === to && rollOut.phase === 'forward') return
      if (current === to && !rollOut) throw active(`enable another version: found ${shortId(to)} enabled already`)
      const beganAtMs = this.#deps.clock.now()
      await this.#book.setState(owner, { current, last, rollOut: { to, phase: 'forward', gateMs, beganAtMs } })
      this.#rollOuts.restart(owner)
      this.#say({ ...owner, kind: 'rolling-out', version: shortId(to) })
    }, signal)
    for (const listener of this.#listeners) listener()
    return this.view(owner)
  }

  /** Throws NOT_FOUND, CODE_UNKNOWN, CODE_ACTIVE for one that is enabled, rolled out or run by an instance, BUSY, REGISTRY_WRITE_FAILED. */
  async remove(owner: CodeOwner, version: string, signal: AbortSignal): Promise<UploadedVersion> {
    this.#expectComponent(owner)
    return await this.#turns.run(async () => {
      const found = findVersion(this.#book.of(owner).versions, version)
      if (this.#isUsed(owner, found)) {
        throw active(`enable another version first: found ${shortId(found.sha256)} enabled, or run by an instance`)
      }
      await this.#book.drop(owner, found)
      this.#say({ ...owner, kind: 'deleted', version: shortId(found.sha256) })
      return found
    }, signal)
  }

  /** The archive. Throws NOT_FOUND, CODE_UNKNOWN, BLOB_UNKNOWN. */
  download(owner: CodeOwner, version: string): { readonly version: UploadedVersion; readonly bytes: Readable } {
    this.#expectComponent(owner)
    const found = findVersion(this.#book.of(owner).versions, version)
    return { version: found, bytes: this.#deps.blobs.readAll(this.#tenant, found.sha256) }
  }

  /** What instances are to run now, by `application/component`: roll-outs have gone on as far as this fleet lets them. Throws REGISTRY_WRITE_FAILED. */
  decide(fleet: Fleet): Promise<ReadonlyMap<string, WantedCode>> {
    return this.#turns.run(() => this.#rollOuts.step(fleet), this.#stop.signal)
  }

  /** Decides no more. Idempotent. */
  async close(): Promise<void> {
    this.#unfollow()
    this.#stop.abort(new LanistaError('CLOSED', 'ask the next controller: this one is stopping'))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #keep(owner: CodeOwner, version: UploadedVersion, upload: StagedBlob): Promise<UploadedVersion> {
    const { code } = this.#expectComponent(owner)
    const before = this.#book.of(owner).versions.find(({ sha256 }) => sha256 === version.sha256)
    if (before) return before
    await this.#book.add(owner, version, upload)
    this.#say({ ...owner, kind: 'uploaded', version: shortId(version.sha256) })
    const versionsMax = code?.versionsMax ?? versionsMaxDefault
    for (const old of this.#book.of(owner).versions.slice(0, -1)) {
      if (this.#book.of(owner).versions.length <= versionsMax) break
      if (!this.#isUsed(owner, old)) await this.#book.drop(owner, old)
    }
    return version
  }

  #isUsed(owner: CodeOwner, { sha256 }: UploadedVersion): boolean {
    const { current, rollOut } = this.#book.of(owner).state
    return sha256 === current || sha256 === rollOut?.to || this.#rollOuts.isRun(owner, sha256)
  }

  #expectComponent({ application, component }: CodeOwner): Component {
    const applied = this.#deps.applications.get(this.#tenant, application)
    const found = applied?.file?.components.find(({ name }) => name === component)
    if (found) return found
    const known = applied?.file?.components.map(({ name }) => name).join(', ')
    const expected = known ?? `an application that is applied`
    throw new LanistaError(
      'NOT_FOUND',
      `name another component: found no ${application}/${component}, expected one of ${expected}`,
    )
  }

  /** Code of applications that are gone goes with them. */
  async #sweep(): Promise<void> {
    const { applications, logger } = this.#deps
    try {
      await this.#turns.run(async () => {
        for (const owner of this.#book.owners) {
          if (!applications.get(this.#tenant, owner.application)) await this.#book.forget(owner)
        }
      }, this.#stop.signal)
    } catch (error) {
      // the next start does it
      if (!this.#stop.signal.aborted) logger.error({ error: messageOf(error) }, 'code_not_forgotten')
    }
  }

  #say(event: Omit<CodeEvent, 'atMs'>): void {
    const told = { ...event, atMs: this.#deps.clock.now() }
    this.#deps.logger.info(told, 'code')
    if (this.#hear) this.#hear(told)
    else this.#untold = [...this.#untold, told].slice(-untoldMax)
  }
}

function active(message: string): LanistaError {
  return new LanistaError('CODE_ACTIVE', message)
}
