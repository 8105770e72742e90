import type { CgroupFiles } from './cgroup-files.ts'
import type { InstanceUsage } from './instance-usage.ts'
import { onlyNumber } from './kernel-number.ts'
import { ProcFile } from './proc-file.ts'

/** Share of its value by which the first file must have moved for the others to be read again. */
const noticed = 0.01

/** The files of one resource of one cgroup, open. Making up `memory.stat` costs the kernel more than all the others together. */
export class CgroupResource {
  readonly #changes: CgroupFiles['changes']
  readonly #parse: CgroupFiles['parse']
  readonly #first: ProcFile | undefined
  readonly #rest: readonly ProcFile[]
  #firstText: string | undefined
  #restTexts: readonly (string | undefined)[] = []
  /** The first file's number when the others were read. */
  #atRest: number | undefined

  /** @param folder the cgroup's */
  constructor(folder: string, { changes, files, parse }: CgroupFiles) {
    const [first, ...rest] = files.map((name) => openIn(folder, name))
    this.#changes = changes
    this.#parse = parse
    this.#first = first
    this.#rest = rest
  }

  /** @param isFresh whatever has changed is read; @param hasWorked whether a process of the cgroup has run since the read before */
  read({ isFresh, hasWorked }: { readonly isFresh: boolean; readonly hasWorked: boolean }): InstanceUsage {
    if (isFresh || hasWorked || this.#changes === 'always') this.#firstText = this.#first?.read()
    if (isFresh || this.#hasMoved()) {
      this.#restTexts = this.#rest.map((file) => file.read())
      this.#atRest = onlyNumber(this.#firstText)
    }
    return this.#parse(this.#firstText, ...this.#restTexts)
  }

  /** Idempotent. */
  close(): void {
    this.#first?.close()
    for (const file of this.#rest) file.close()
  }

  #hasMoved(): boolean {
    if (this.#rest.length === 0) return false
    const now = onlyNumber(this.#firstText)
    return now === undefined || this.#atRest === undefined || Math.abs(now - this.#atRest) > this.#atRest * noticed
  }
}

/** One file of a cgroup, opened at its first read. */
export function openIn(folder: string, name: string): ProcFile {
  return new ProcFile(`${folder}/${name}`, { hasShortLines: true, bufferBytes: name === 'memory.stat' ? 4096 : 512 })
}
