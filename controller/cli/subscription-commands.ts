/** The commands about subscriptions. */
import { type Command, Option } from 'commander'
import type { SharedFlags } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { shared } from './shared-options.ts'
import {
  runSubscriptions,
  runSubscriptionsAdd,
  runSubscriptionsRemove,
  runSubscriptionsSecret,
  runSubscriptionsTest,
  type SubscriptionFlags,
} from './subscriptions.ts'
import type { Terminal } from './terminal.ts'

/** Adds `subscriptions`, and `add`, `remove`, `test` and `secret` below it. */
export function addSubscriptions(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const subscriptions = program
    .command('subscriptions')
    .description('who outside is told which metrics: bus, webhook, carbon, Influx, Prometheus remote write')
  const one = (name: string, summary: string): Command =>
    shared(subscriptions.command(name)).description(summary).argument('<name>', 'or application.name')
  shared(subscriptions.command('list', { isDefault: true }))
    .description('all of them, and how they fare')
    .action(async (flags: SharedFlags) => done(await runSubscriptions(flags, terminal)))
  const add = one('add', 'make or change one')
    .option('--match <selectors...>', 'Graphite glob, or name;tag=value; any of several')
    .addOption(new Option('--scope <scope>', 'results of this scope').choices(['host', 'cloud', 'cross-cloud']))
    .option('--cloud <cloud>', 'of this cloud only, or a glob')
    .option('--host <host>', 'of this host only, or a glob')
    .option('--on-change', 'only values other than the one before')
    .option('--bus [subject]', 'to metric.subscription.<subject>.<metric> of the controller')
    .option('--webhook <url>', 'as JSON [{id, timestamp, data}], signed with the secret')
    .option('--carbon <host:port>', 'as lines')
    .option('--tags', 'with --carbon: name;tag=value')
    .option('--influx <url>', 'as line protocol')
    .option('--database <name>', 'with --influx: version 1')
    .option('--org <name>', 'with --influx: version 2')
    .option('--bucket <name>', 'with --influx: version 2')
    .option('--remote-write <url>', 'as Prometheus remote write')
    .option('--user <name>', 'with --influx and --remote-write')
    .option('--secret-file <file>', 'token, password or signing key; - = stdin')
  for (const [flag, words] of [
    ['above', 'above'],
    ['below', 'below'],
    ['at-or-above', 'at or above'],
    ['at-or-below', 'at or below'],
    ['equal', 'equal to'],
    ['not-equal', 'other than'],
  ] as const) {
    add.option(`--${flag} <number>`, `only values ${words} it`)
  }
  add.action(async (name: string, flags: SubscriptionFlags) => done(await runSubscriptionsAdd(name, flags, terminal)))
  one('remove', 'end one').action(async (name: string, flags: SharedFlags) =>
    done(await runSubscriptionsRemove(name, flags, terminal)),
  )
  one('test', 'send one reading now; 1 when it is not taken').action(async (name: string, flags: SharedFlags) =>
    done(await runSubscriptionsTest(name, flags, terminal)),
  )
  one('secret', 'set its token, password or signing key; an empty one removes it')
    .requiredOption('--secret-file <file>', '- = stdin')
    .action(async (name: string, flags: SharedFlags & { secretFile: string }) =>
      done(await runSubscriptionsSecret(name, flags, terminal)),
    )
}
