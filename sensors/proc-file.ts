/**
 * A small kernel file read again and again: the descriptor stays open and each read starts at offset 0, which costs a third
 * less than opening it anew (sensors.bench.ts). Reads are synchronous: `/proc` answers from memory.
 */
import { closeSync, openSync, readSync } from 'node:fs'

/** Bytes of a kernel file that are read at most; the rest is left, as no file we parse comes near it. */
const fileBytesMax = 4 * 1024 * 1024

/** The kernel hands out a page of whole records at a time; where none is longer than half a page, less than that is the end. */
const halfPageBytes = 2048

export interface ProcFileOptions {
  /**
   * No line is longer than half a page: then the second read, the one that would say that nothing is left, is not made. Not so
   * for mount tables. Default false.
   */
  readonly hasShortLines?: boolean | undefined
  /** Bytes of its buffer, which grows with the text. Default 4,096. */
  readonly bufferBytes?: number | undefined
}

export class ProcFile {
  readonly #path: string
  readonly #hasShortLines: boolean
  #fd: number | undefined
  #buffer: Buffer

  constructor(path: string, { hasShortLines = false, bufferBytes = 4096 }: ProcFileOptions = {}) {
    this.#path = path
    this.#hasShortLines = hasShortLines
    this.#buffer = Buffer.allocUnsafe(bufferBytes)
  }

  /** The whole text, or undefined when the file does not exist or cannot be read by us. Tries to open again next time. */
  read(): string | undefined {
    try {
      this.#fd ??= openSync(this.#path, 'r')
      return this.#readWhole(this.#fd)
    } catch (error) {
      this.close()
      if (isAbsent(error)) return undefined
      throw error
    }
  }

  /** Idempotent. */
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  #readWhole(fd: number): string {
    for (let length = 0; ; ) {
      const room = this.#buffer.length - length
      const got = readSync(fd, this.#buffer, length, room, length)
      length += got
      const isEnd = got === 0 || (this.#hasShortLines && got < room && got < halfPageBytes)
      if (isEnd || length >= fileBytesMax) return this.#buffer.toString('utf8', 0, length)
      if (length === this.#buffer.length) this.#buffer = Buffer.concat([this.#buffer], length * 2)
    }
  }
}

/** ENODEV: of a cgroup that has been removed; ESRCH: of a process that has ended; ENOTSUP: of a threaded cgroup. */
const absentCodes = new Set(['ENOENT', 'EACCES', 'EPERM', 'ENOTDIR', 'ENODEV', 'ESRCH', 'ENOTSUP'])

function isAbsent(error: unknown): boolean {
  return absentCodes.has((error as NodeJS.ErrnoException).code ?? '')
}
