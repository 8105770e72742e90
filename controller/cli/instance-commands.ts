/** The commands about instances. */
import type { Command } from 'commander'
import type { SharedFlags } from './context.ts'
import { type DrainFlags, runDrain } from './drain.ts'
import { type ExecFlags, runExec } from './exec.ts'
import type { ExitCode } from './exit-code.ts'
import { type InstancesFlags, runExplain, runInstanceChange, runInstances, runScale } from './instances.ts'
import { type LogsFlags, runLogs } from './logs.ts'
import { shared } from './shared-options.ts'
import type { Terminal } from './terminal.ts'

const changes = [
  ['start', 'let an instance run that was stopped'],
  ['stop', 'stop an instance; it stays installed, and counts'],
  ['restart', 'stop an instance and start it again, now'],
] as const

/** Adds `instances`, `explain`, `scale`, `start`, `stop`, `restart`, `logs`, `exec` and `drain`. */
export function addInstances(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  shared(program.command('instances'))
    .description('instances, where they are and how they are')
    .option('--application <name>', 'of this application only')
    .option('--host <host>', 'on this host only')
    .action(async (flags: InstancesFlags) => done(await runInstances(flags, terminal)))
  shared(program.command('explain'))
    .description('what is wanted of a component or an instance, what is seen, what happens next, what blocks it')
    .argument('<name>', 'shop/web or shop/web-1')
    .action(async (name: string, flags: SharedFlags) => done(await runExplain(name, flags, terminal)))
  shared(program.command('scale'))
    .description('want another count of a component, within its bounds')
    .argument('<component>', 'shop/web')
    .argument('<count>', '+2, -1, or =3')
    .action(async (name: string, count: string, flags: SharedFlags) =>
      done(await runScale(name, count, flags, terminal)),
    )
  for (const [verb, summary] of changes) {
    shared(program.command(verb))
      .description(summary)
      .argument('<instance>', 'shop/web-1')
      .action(async (name: string, flags: SharedFlags) => done(await runInstanceChange(verb, name, flags, terminal)))
  }
  shared(program.command('logs'))
    .description('the newest lines of an instance’s log; with -f what comes, until Ctrl-C')
    .argument('<instance>', 'shop/web-1')
    .option('-f, --follow', 'go on with what comes')
    .option('--lines <n>', 'so many to begin with (default 100)')
    .action(async (name: string, flags: LogsFlags) => done(await runLogs(name, flags, terminal)))
  shared(program.command('exec'))
    .description('run a command inside an instance, with its environment; 1 when it ends otherwise than with 0')
    .argument('<instance>', 'shop/web-1')
    .argument('[command...]', 'behind --')
    .option('--timeout <duration>', 'it is ended then (default 1m, at most 10m)')
    .action(async (name: string, command: string[], flags: ExecFlags) =>
      done(await runExec(name, command, flags, terminal)),
    )
  shared(program.command('drain'))
    .description('empty a host: its instances leave as others take their place')
    .argument('<host>', 'its name, or TENANT.CLOUD.HOST')
    .option('--cloud <cloud>', 'in this cloud')
    .option('--deadline <duration>', 'they leave then in any case: 10m')
    .option('--cancel', 'it may have instances again')
    .option('--no-wait', 'do not wait until it is empty')
    .action(async (host: string, flags: DrainFlags) => done(await runDrain(host, flags, terminal)))
}
