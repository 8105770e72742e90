/**
 * Rows that have changed since they were last written, for a core that must not go on before the disk has them: one write at a
 * time, and whatever changes meanwhile goes with the next. So many orders at once cost few waits for the disk.
 */
export class PendingWrites<R> {
  readonly #dirty = new Map<string, boolean>()
  #writing: ReadonlyMap<string, R | undefined> | undefined

  /** This row has changed, or is no more. @param sync must the disk have it before the core goes on? */
  mark(id: string, sync: boolean): void {
    this.#dirty.set(id, sync || (this.#dirty.get(id) ?? false))
  }

  /** The next write, unless one is under way or nothing has changed: rows as they are now, undefined = removed. */
  next(
    rowOf: (id: string) => R | undefined,
  ): { readonly rows: ReadonlyMap<string, R | undefined>; sync: boolean } | undefined {
    if (this.#writing || this.#dirty.size === 0) return undefined
    const sync = [...this.#dirty.values()].includes(true)
    const rows = new Map([...this.#dirty.keys()].map((id) => [id, rowOf(id)]))
    this.#dirty.clear()
    this.#writing = rows
    return { rows, sync }
  }

  /** The write under way is over: what it held. After a failure the caller marks again what is to be tried again. */
  finish(): ReadonlyMap<string, R | undefined> {
    const rows = this.#writing ?? new Map<string, R | undefined>()
    this.#writing = undefined
    return rows
  }
}
