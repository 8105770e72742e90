import { type DockerRuntimeOptions, logDefaults } from './runtime-options.ts'

/** Options of a Docker runtime in tests: nothing allowed, on this machine's own address. */
export function dockerOptions(
  given: Pick<DockerRuntimeOptions, 'folder' | 'socketPath' | 'tenant'> & Partial<DockerRuntimeOptions>,
): DockerRuntimeOptions {
  return {
    ...logDefaults,
    host: 'host-1',
    cloudAddress: '127.0.0.1',
    volumesAllowed: [],
    registries: {},
    listIntervalMs: 1000,
    ...given,
  }
}
