import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'

/** What every runtime needs of the agent. */
export interface RuntimeDeps {
  readonly clock: Clock
  readonly logger: Logger
}

export interface DirectoryRuntimeOptions {
  /** Where the places are, one folder an instance; made when it is missing. Both real forms share it. */
  readonly folder: string
  /** Bytes after which a log file is put aside, and how many are kept beside the newest; together the bound of a log on disk. */
  readonly logBytesMax: number
  readonly logFilesMax: number
  /** The address that no other host of this machine has: instances listen there alone. Absent = on every address of the machine. */
  readonly ownAddress?: string | undefined
}

export interface DockerRuntimeOptions extends DirectoryRuntimeOptions {
  /** The engine's unix socket. */
  readonly socketPath: string
  /** Who we are: containers of other tenants and hosts on the same engine are foreign. */
  readonly tenant: string
  readonly host: string
  /** Address of this host inside its cloud; ports that are not public are reachable there alone. */
  readonly cloudAddress: string
  /** Folders of the host below which volumes may lie, links followed. Empty = no volumes. */
  readonly volumesAllowed: readonly string[]
  /** Log-in by registry host, `docker.io` for names without one. */
  readonly registries: Readonly<Record<string, RegistryLogin>>
  /** How often containers are listed, ms: the bound on an end that the engine did not tell. */
  readonly listIntervalMs: number
}

export interface RegistryLogin {
  readonly username: string
  readonly password: string
}

/** 5 × 4 MiB of log an instance. */
export const logDefaults: Pick<DirectoryRuntimeOptions, 'logBytesMax' | 'logFilesMax'> = {
  logBytesMax: 4 * 1024 ** 2,
  logFilesMax: 4,
}
