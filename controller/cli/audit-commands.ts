/** The commands about the audit log. */
import type { Command } from 'commander'
import { type AuditFlags, runAudit, runAuditCheck } from './audit.ts'
import type { SharedFlags } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { shared } from './shared-options.ts'
import type { Terminal } from './terminal.ts'

/** Adds `audit`, and `list` and `check` below it. */
export function addAudit(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const audit = program.command('audit').description('who changed what, from where, and what came of it')
  shared(audit.command('list', { isDefault: true }))
    .description('the newest entries that fit, oldest first')
    .option('--from <time>', 'epoch ms, ISO 8601, or relative like -1h')
    .option('--until <time>', 'the same')
    .option('--limit <count>', 'at most (default: 100)')
    .action(async (flags: AuditFlags) => done(await runAudit(flags, terminal)))
  shared(audit.command('check'))
    .description('read the whole chain; 1 when an entry was changed or is missing')
    .action(async (flags: SharedFlags) => done(await runAuditCheck(flags, terminal)))
}
