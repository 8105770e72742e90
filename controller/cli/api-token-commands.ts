/** The commands about tokens. */
import { type Command, Option } from 'commander'
import { roles } from '#controller/access/permissions.ts'
import { type CreateFlags, runTokens, runTokensCreate, runTokensRevoke } from './api-tokens.ts'
import type { SharedFlags } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { shared } from './shared-options.ts'
import type { Terminal } from './terminal.ts'

/** Adds `tokens`, and `list`, `create` and `revoke` below it. */
export function addApiTokens(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const tokens = program.command('tokens').description('tokens for other people and programs, each with a role')
  shared(tokens.command('list', { isDefault: true }))
    .description('all of them, expired ones too')
    .action(async (flags: SharedFlags) => done(await runTokens(flags, terminal)))
  shared(tokens.command('create'))
    .description('make one; it is printed this once')
    .argument('<name>')
    .addOption(new Option('--role <role>', 'what it may do').choices(roles).makeOptionMandatory())
    .option('--lifetime <duration>', 'like 12h, at most 366d (default: 30d)')
    .action(async (name: string, flags: CreateFlags) => done(await runTokensCreate(name, flags, terminal)))
  shared(tokens.command('revoke'))
    .description('refuse one from now on')
    .argument('<name>')
    .action(async (name: string, flags: SharedFlags) => done(await runTokensRevoke(name, flags, terminal)))
}
