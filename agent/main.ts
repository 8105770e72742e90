/** The agent's command line: parses, dispatches, and turns what was thrown into one line and an exit code. */
import { isLanistaError, messageOf } from '#protocol/errors.ts'
import { type Command, parseArguments, usage } from './cli/arguments.ts'
import { check } from './cli/check.ts'
import { identity } from './cli/identity.ts'
import { leave } from './cli/leave.ts'
import { lines } from './cli/lines.ts'
import { run } from './cli/run.ts'
import { storeCommand } from './cli/store.ts'

/** 0 ok, 1 the thing failed, 2 used wrongly: misuse, or a setting that a flag or a file must change. */
const misuseCodes: ReadonlySet<string> = new Set([
  'USAGE',
  'CONFIG_INVALID',
  'CONFIG_UNREADABLE',
  'DURATION_INVALID',
  'DATA_DIR_UNWRITABLE',
  'IDENTITY_OTHER',
  'PORT_IN_USE',
  'SENSOR_DUPLICATE',
  'SENSOR_PARAMETERS',
  'SENSOR_UNKNOWN',
  'SELECTOR_INVALID',
  'STORE_FOLDER',
  'STORE_LOCKED',
  'STORE_OPTIONS',
  'STORE_VERSION',
  'SUBJECT_INVALID',
  'TIME_INVALID',
  'TOKEN_INVALID',
])

async function dispatch(command: Command): Promise<number> {
  switch (command.kind) {
    case 'run':
      return run(command)
    case 'check':
      return check(command)
    case 'identity':
      return identity(command)
    case 'leave':
      return leave(command)
    case 'lines':
      return lines(command)
    case 'store':
      return storeCommand(command)
    case 'help':
      process.stdout.write(usage)
      return 0
  }
}

async function main(): Promise<number> {
  // the clock's timers do not keep the process alive; an answer that is still to come does
  const alive = setInterval(() => {}, 2 ** 30)
  try {
    return await dispatch(parseArguments(process.argv.slice(2)))
  } catch (error) {
    process.stderr.write(`lanista agent: ${messageOf(error)}\n`)
    return isLanistaError(error) && misuseCodes.has(error.code) ? 2 : 1
  } finally {
    clearInterval(alive)
  }
}

// a reader that goes away (`| head`) is no failure
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
process.exitCode = await main()
