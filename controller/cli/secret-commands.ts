/** The commands about secrets. */
import type { Command } from 'commander'
import type { SharedFlags } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { runSecrets, runSecretsRemove, runSecretsRotate, runSecretsSet } from './secrets.ts'
import { shared } from './shared-options.ts'
import type { Terminal } from './terminal.ts'

/** Adds `secrets`, and `list`, `set`, `remove` and `rotate` below it. */
export function addSecrets(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const secrets = program.command('secrets').description('passwords and keys that the controller keeps sealed')
  shared(secrets.command('list', { isDefault: true }))
    .description('their names; 1 when the master key of one is not at hand')
    .action(async (flags: SharedFlags) => done(await runSecrets(flags, terminal)))
  shared(secrets.command('set'))
    .description('set one')
    .argument('<name>')
    .requiredOption('--file <file>', 'what it holds; - = stdin')
    .action(async (name: string, flags: SharedFlags & { file: string }) =>
      done(await runSecretsSet(name, flags, terminal)),
    )
  shared(secrets.command('remove'))
    .description('remove one; what needs it fails from then on')
    .argument('<name>')
    .action(async (name: string, flags: SharedFlags) => done(await runSecretsRemove(name, flags, terminal)))
  shared(secrets.command('rotate'))
    .description('seal all with another master key')
    .action(async (flags: SharedFlags) => done(await runSecretsRotate(flags, terminal)))
}
