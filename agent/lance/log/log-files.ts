/** The newest lines of an instance's log, and what comes: over files that are put aside as they grow (`out.log`, `out.log.1`, …). */
import { type FileHandle, open, readFile } from 'node:fs/promises'
import type { Clock } from '#protocol/runtime/clock.ts'
import { LineSplitter } from './line-splitter.ts'

export interface LogFilesOptions {
  /** The newest file. */
  readonly path: string
  /** Files beside it at most. */
  readonly filesMax: number
  /** Lines to begin with. */
  readonly lines: number
  readonly isFollowed: boolean
}

/** How often a followed file is looked at, ms. */
const followIntervalMs = 200
const chunkBytes = 65_536

/** Said in the log's own place where lines were put aside and removed faster than they could be read. */
const gapLine = '… lines left out: the log was rotated faster than it was read'

/**
 * Lines without their ends. A followed log ends when the signal aborts, without an error; one that does not exist is empty.
 */
export async function* readLogFiles(
  options: LogFilesOptions,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let file = await openQuietly(options.path)
  const end = file ? (await file.stat()).size : 0
  try {
    yield* await lastLines(options, end)
    if (!options.isFollowed) return
    const splitter = new LineSplitter()
    let at = end
    while (!signal.aborted) {
      if (file) {
        for await (const chunk of chunksFrom(file, at)) {
          at += chunk.length
          yield* splitter.push(chunk)
        }
      }
      const next: NextFile | undefined = await nextFile(file, options)
      if (next) {
        if (next.isGap) yield gapLine
        await file?.close()
        ;[file, at] = [next.file, 0]
      } else if (!(await slept(clock, signal))) return
    }
  } finally {
    await file?.close()
  }
}

interface NextFile {
  readonly file: FileHandle
  readonly isGap: boolean
}

/** The file that came after `file` when that was put aside; undefined while it is still the newest. */
async function nextFile(file: FileHandle | undefined, options: LogFilesOptions): Promise<NextFile | undefined> {
  let newer = await openQuietly(options.path)
  if (!newer) return undefined
  if (!file) return { file: newer, isGap: false }
  const inode = (await file.stat()).ino
  for (let n = 0; n <= options.filesMax; n++) {
    const candidate: FileHandle | undefined = n === 0 ? newer : await openQuietly(`${options.path}.${n}`)
    if (!candidate) break
    if ((await candidate.stat()).ino === inode) {
      await candidate.close()
      if (n === 0) return undefined
      return { file: newer, isGap: false }
    }
    if (n > 0) {
      await newer.close()
      newer = candidate
    }
  }
  return { file: newer, isGap: true }
}

/** Newest file first, until there are enough; `end` bytes of the newest count. */
async function lastLines({ path, filesMax, lines }: LogFilesOptions, end: number): Promise<readonly string[]> {
  let found: string[] = []
  for (let n = 0; n <= filesMax && found.length < lines; n++) {
    const bytes = await readFile(n === 0 ? path : `${path}.${n}`).catch(() => undefined)
    if (!bytes) continue
    const splitter = new LineSplitter()
    const older = [...splitter.push(n === 0 ? bytes.subarray(0, end) : bytes), ...splitter.end()]
    found = [...older, ...found]
  }
  return lines > 0 ? found.slice(-lines) : []
}

async function* chunksFrom(file: FileHandle, from: number): AsyncGenerator<Buffer> {
  for (let at = from; ; ) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(chunkBytes), 0, chunkBytes, at)
    if (bytesRead === 0) return
    at += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

async function openQuietly(path: string): Promise<FileHandle | undefined> {
  return open(path).catch(() => undefined)
}

async function slept(clock: Clock, signal: AbortSignal): Promise<boolean> {
  return clock.sleep(followIntervalMs, signal).then(
    () => true,
    () => false,
  )
}
