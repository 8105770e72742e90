import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'

/** What every runtime needs of the agent. */
export interface RuntimeDeps {
  readonly clock: Clock
  readonly logger: Logger
}

export interface DirectoryRuntimeOptions {
  /** Where the places are, one folder an instance; made when it is missing. Both real forms may share it. */
  readonly folder: string
  /** Bytes after which a log file is put aside, and how many are kept beside the newest; together the bound of a log on disk. */
  readonly logBytesMax: number
  readonly logFilesMax: number
}

/** 5 × 4 MiB of log an instance. */
export const logDefaults: Pick<DirectoryRuntimeOptions, 'logBytesMax' | 'logFilesMax'> = {
  logBytesMax: 4 * 1024 ** 2,
  logFilesMax: 4,
}
