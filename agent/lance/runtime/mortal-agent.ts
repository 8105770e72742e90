/**
 * An agent's runtime in a process of its own, to be killed: `KIND FOLDER ENGINE-SOCKET TENANT ID`. Prepares and starts the instance, says `started`,
 * and waits.
 */
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { bareSpec } from './bare-spec.ts'
import { DirectoryRuntime } from './directory-runtime.ts'
import { DockerRuntime } from './docker-runtime.ts'
import { testImage } from './docker-stage.ts'
import { logDefaults } from './runtime-options.ts'
import { shellCommands } from './shell-commands.ts'
import { dockerOptions } from './stage-options.ts'

// the clock’s timers keep no process alive
setInterval(() => {}, 60_000)

const [kind = '', folder = '', socketPath = '', tenant = '', id = ''] = process.argv.slice(2)
const deps = { clock: systemClock, logger: silentLogger }
const signal = AbortSignal.timeout(60_000)
const isolation = kind === 'docker' ? 'docker' : 'directory'
const runtime =
  isolation === 'docker'
    ? await DockerRuntime.open(dockerOptions({ folder, socketPath, tenant }), deps)
    : await DirectoryRuntime.open({ folder, ...logDefaults }, deps, signal)

const lifecycle = { install: { commands: [shellCommands.exit(0)], timeoutMs: 1000 } }
await runtime.prepare(bareSpec({ id, isolation, image: testImage, generation: 5, lifecycle }), undefined, signal)
await runtime.start(id, shellCommands.serve('serving'), { environment: {} }, signal)
process.stdout.write('started\n')
