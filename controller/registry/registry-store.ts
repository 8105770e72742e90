/**
 * Where the controller keeps what must outlive it: rows of JSON under sorted text keys, written all or nothing. Samples are
 * never here: they live on agents.
 */

/** One change of a write: a new value, or the row removed. */
export type RegistryChange =
  | { readonly key: string; readonly value: unknown }
  | { readonly key: string; readonly remove: true }

export interface RegistryWriteOptions {
  /** Waits until the disk has it, so that a power cut cannot take it back. Default false: safe against a killed process only. */
  readonly sync?: boolean | undefined
}

export interface RegistryRow {
  readonly key: string
  readonly value: unknown
}

export interface RegistryStore extends AsyncDisposable {
  /** The value under `key`, as it was written; the reader checks its shape. */
  get(key: string): Promise<unknown>

  /** All rows whose key starts with `prefix`, in order of their keys. */
  list(prefix: string): AsyncIterable<RegistryRow>

  /**
   * Makes all changes or none. Concurrent writes take effect in the order of the calls.
   * @throws LanistaError REGISTRY_WRITE_FAILED (nothing was changed), CLOSED
   */
  write(changes: readonly RegistryChange[], options?: RegistryWriteOptions): Promise<void>

  /** Waits for writes under way. Idempotent. */
  close(): Promise<void>
}
