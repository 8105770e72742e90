/** What there is to say about applications: which words, which flags, and which file does it. */
import type { Command } from 'commander'
import { type ApplyFlags, type RemoveFlags, runApply, runPlan, runRemove } from './apply.ts'
import { type RollbackFlags, runApps, runAppsRollback, runAppsShow, type ShowFlags } from './apps.ts'
import type { SharedFlags } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { type MonitorsFlags, runMonitors } from './monitors.ts'
import { shared } from './shared-options.ts'
import type { Terminal } from './terminal.ts'

const fileWords = 'application file (YAML or JSON); - = stdin'
const yesWords = 'do not ask, also on a terminal'

/** Adds `plan`, `apply`, `apps`, `remove` and `monitors`. */
export function addApplications(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  shared(program.command('plan'))
    .description('what applying the file would change; changes nothing')
    .argument('<file>', fileWords)
    .action(async (file: string, flags: SharedFlags) => done(await runPlan(file, flags, terminal)))
  shared(program.command('apply'))
    .description('put an application file in force: shows the plan, and on a terminal asks')
    .argument('<file>', fileWords)
    .option('--yes', yesWords)
    .option('--dry-run', 'show the plan alone')
    .action(async (file: string, flags: ApplyFlags) => done(await runApply(file, flags, terminal)))
  shared(program.command('remove'))
    .description('remove an application with its instances, monitors, rules and subscriptions; on a terminal asks')
    .argument('<application>')
    .option('--yes', yesWords)
    .option('--dry-run', 'only say what would go')
    .option('--no-wait', 'do not wait until nothing of it runs any more')
    .action(async (name: string, flags: RemoveFlags) => done(await runRemove(name, flags, terminal)))
  shared(program.command('monitors'))
    .description('monitors, where they are computed, and what they said last')
    .option('--application <name>', 'of this application only')
    .action(async (flags: MonitorsFlags) => done(await runMonitors(flags, terminal)))
  addApps(program, terminal, done)
}

function addApps(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const apps = program.command('apps').description('applications in force')
  shared(apps.command('list', { isDefault: true }))
    .description('all of them, with the counts wanted of their components')
    .action(async (flags: SharedFlags) => done(await runApps(flags, terminal)))
  shared(apps.command('show'))
    .description('the file as it was applied, without secrets; --json: what it means, and its versions')
    .argument('<application>')
    .option('--generation <n>', 'an earlier version')
    .action(async (name: string, flags: ShowFlags) => done(await runAppsShow(name, flags, terminal)))
  shared(apps.command('rollback'))
    .description('apply an earlier version again; on a terminal asks')
    .argument('<application>')
    .option('--generation <n>', 'which one (default: the one before)')
    .option('--yes', yesWords)
    .option('--dry-run', 'show the plan alone')
    .action(async (name: string, flags: RollbackFlags) => done(await runAppsRollback(name, flags, terminal)))
}
