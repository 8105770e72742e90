/** The commands about upgrades of agents. */
import type { Command } from 'commander'
import type { SharedFlags } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { shared } from './shared-options.ts'
import type { Terminal } from './terminal.ts'
import { runHostsUpgrade, runUpgradeStop, runUpgrades, type UpgradeFlags } from './upgrade.ts'

/** Adds `hosts upgrade`, `hosts upgrades` and `hosts upgrades stop`. */
export function addUpgrades(hosts: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  shared(hosts.command('upgrade'))
    .description(
      'replace agents by a newer build: one host first, then the others, until one fails; it goes back by itself',
    )
    .argument('[hosts...]', 'names, or globs')
    .option('--cloud <cloud>', 'of this cloud, or a glob')
    .option('--all', 'every host')
    .option('--to <file>', 'the bundle (default: the one built with this command)')
    .option('--batch <n>', 'hosts at once, behind the first (default 1)')
    .option('--gate <duration>', 'time a new agent has to prove itself (default 1m)')
    .option('--within <duration>', 'how long an order may wait for its host (default 1h)')
    .option('--force', 'also to a version that may not read what is there')
    .option('--no-wait', 'end once it has begun')
    .action(async (names: string[], _: UpgradeFlags, command: Command) =>
      done(await runHostsUpgrade(names, command.optsWithGlobals<UpgradeFlags>(), terminal)),
    )
  const upgrades = shared(hosts.command('upgrades'))
    .description('the last upgrades, the newest first')
    .action(async (_: SharedFlags, command: Command) =>
      done(await runUpgrades(command.optsWithGlobals<SharedFlags>(), terminal)),
    )
  shared(upgrades.command('stop'))
    .description('begin with no more hosts')
    .argument('<id>', 'of the upgrade')
    .action(async (id: string, _: SharedFlags, command: Command) =>
      done(await runUpgradeStop(id, command.optsWithGlobals<SharedFlags>(), terminal)),
    )
}
