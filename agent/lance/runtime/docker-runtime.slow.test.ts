import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { labelNames } from './docker-place.ts'
import { DockerRuntime } from './docker-runtime.ts'
import { openTestEngine, type TestEngine, testImage } from './docker-stage.ts'
import { runtimeContract } from './runtime-contract.ts'
import { logDefaults } from './runtime-options.ts'
import { shellCommands } from './shell-commands.ts'

let stage: TestEngine
beforeAll(async () => {
  stage = await openTestEngine()
})
afterAll(() => stage.close())

runtimeContract('docker', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'instances-'))
  const tenant = `t${process.pid}`
  const options = {
    ...logDefaults,
    folder,
    tenant,
    host: 'host-1',
    socketPath: stage.socketPath,
    cloudAddress: '127.0.0.1',
    volumesAllowed: [],
    registries: {},
    listIntervalMs: 2000,
  }
  return {
    open: () => DockerRuntime.open(options, { clock: systemClock, logger: silentLogger }),
    isolation: 'docker',
    image: testImage,
    say: shellCommands,
    leftovers: async () => {
      const filters = { label: [`${labelNames.tenant}=${tenant}`] }
      const containers = await stage.engine.listContainers({ all: true, filters })
      return [...(await readdir(folder)), ...containers.flatMap(({ Names }) => Names)]
    },
    close: () => rm(folder, { recursive: true }),
  }
})
