import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { DirectoryRuntime } from './directory-runtime.ts'
import { placeVariable, readProcesses } from './marked-processes.ts'
import { runtimeContract } from './runtime-contract.ts'
import { logDefaults } from './runtime-options.ts'
import { shellCommands } from './shell-commands.ts'

runtimeContract('directory', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'instances-'))
  const deps = { clock: systemClock, logger: silentLogger }
  return {
    open: () => DirectoryRuntime.open({ folder, ...logDefaults }, deps, AbortSignal.timeout(10_000)),
    isolation: 'directory',
    say: shellCommands,
    leftovers: async () => {
      const mark = `${placeVariable}=${folder}/`
      const processes = (await readProcesses()).filter(({ marks }) => marks.some((one) => one.startsWith(mark)))
      return [...(await readdir(folder)), ...processes.map(({ pid }) => `process ${pid}`)]
    },
    close: () => rm(folder, { recursive: true }),
  }
})
