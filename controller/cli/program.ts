/**
 * The `lanista` command line: what there is to say, and which file does it. Commands that bring a broker, a bus or a server with them are
 * loaded when they are named: all others start in two thirds of the time.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { messageOf } from '#protocol/errors.ts'
import { parseDuration } from '#protocol/runtime/time.ts'
import { version } from '#protocol/runtime/version.ts'
import { runAgentBundle } from './agent-bundle.ts'
import { addApiTokens } from './api-token-commands.ts'
import { addApplications } from './application-commands.ts'
import { addAudit } from './audit-commands.ts'
import { addCode } from './code-commands.ts'
import type { SharedFlags } from './context.ts'
import type { ControllerFlags } from './controller.ts'
import type { DoctorFlags } from './doctor.ts'
import { type ExitCode, usageError } from './exit-code.ts'
import { type HostsLeaveFlags, runHosts, runHostsLeave } from './hosts.ts'
import { addInstances } from './instance-commands.ts'
import { type MetricsFlags, runMetrics } from './metrics.ts'
import { addOrders } from './order-commands.ts'
import { type QueryFlags, runQuery } from './query.ts'
import { type RingFlags, runRing } from './ring.ts'
import { addRules } from './rule-commands.ts'
import { addScripts } from './script-commands.ts'
import { addSecrets } from './secret-commands.ts'
import { shared } from './shared-options.ts'
import {
  type ExportFlags,
  runStoreCheck,
  runStoreDump,
  runStoreExport,
  runStoreRepair,
  runStoreStats,
  type StoreFlags,
} from './store.ts'
import { addSubscriptions } from './subscription-commands.ts'
import type { Terminal } from './terminal.ts'
import { runTop } from './top.ts'
import type { UpCommandFlags } from './up.ts'
import { addUpgrades } from './upgrade-commands.ts'

/** Commands that belong to the agent's bundle: it gets their arguments as they are. */
const agentCommands = [
  ['agent', 'run one agent, check its configuration, or try its sensors: see "lanista agent --help"'],
  ['lines', 'show what would become of carbon lines: lanista lines [FILE|-] [--now MS]'],
] as const

/**
 * Parses the arguments and runs the command they name. Help and version go to stdout.
 * @param args what stands behind the program's name
 * @throws LanistaError USAGE, or whatever the command throws
 */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<number> {
  if (args[0] === 'agent') return runAgentBundle(withoutController(args.slice(1)), terminal.env)
  if (args[0] === 'store' && namesFolder(args)) return runAgentBundle(args, terminal.env)
  if (args[0] === 'lines') return runAgentBundle(withoutController(args), terminal.env)
  let code: ExitCode = 0
  const program = buildProgram(terminal, (result) => {
    code = result
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return 0
    if (error.code === 'commander.help') throw usageError('name a command: expected one of lanista --help')
    throw usageError(error.message.replace(/^error: /, '').replaceAll('\n', ' '))
  }
  return code
}

/** Every command takes `--controller`; to those that ask no controller it means nothing. */
function withoutController(args: readonly string[]): string[] {
  return args.filter(
    (arg, i) => !arg.startsWith('--controller=') && arg !== '--controller' && args[i - 1] !== '--controller',
  )
}

function buildProgram(terminal: Terminal, done: (code: ExitCode) => void): Command {
  const program = new Command('lanista')
    .description('Trains the troop: one agent on every machine, one controller, all they measure at hand.')
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.write(text), writeErr: () => undefined })
  addUp(program, terminal, done)
  addController(program, terminal, done)
  for (const [name, summary] of agentCommands) program.command(name).description(summary)
  addAsking(program, terminal, done)
  addStore(program, terminal, done)
  addApplications(program, terminal, done)
  addSubscriptions(program, terminal, done)
  addInstances(program, terminal, done)
  addScripts(program, terminal, done)
  addCode(program, terminal, done)
  addOrders(program, terminal, done)
  addRules(program, terminal, done)
  addSecrets(program, terminal, done)
  addAudit(program, terminal, done)
  addApiTokens(program, terminal, done)
  return program
}

/** `lanista store … --data DIR` looks into the store of a stopped agent: the agent's bundle does that. */
function namesFolder(args: readonly string[]): boolean {
  return args.some((arg) => arg === '--data' || arg.startsWith('--data='))
}

function addUp(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  shared(program.command('up'))
    .description('a live fleet on this machine: controller, broker and agents, until Ctrl-C')
    .option('--hosts <n>', 'agents to run (default 1)', countOf)
    .option('--clouds <n>', 'clouds to spread them over: home, local-1, … (default 1)', countOf)
    .option('--data <dir>', 'folder for everything that lasts', './.lanista')
    .addOption(new Option('--restart <policy>', 'agents that die').choices(['always', 'never']).default('always'))
    .option('--http-port <port>', 'REST API; 0 = any free port', portOf, 4400)
    .option('--carbon-port <port>', 'Graphite lines of the first agent, the next ones behind it; 0 = any', portOf, 2003)
    .option('--broker-port <port>', 'broker (default 1883, 4222 for nats); 0 = any', portOf)
    .option('--broker <kind>', 'embedded (MQTT), nats (a nats-server of ours), or nats://HOST:PORT', 'embedded')
    .option(
      '--copies <n>',
      'hosts that have each sample, its own included (default 3; 1 beside home with embedded)',
      countOf,
    )
    .option('--grace <duration>', 'silence after which the copies of a lost host are made anew (default 15m)', msOf)
    .option(
      '--host-addresses <how>',
      'where instances are reached: auto = an address for each host, shared = one for all, or the first of those that this machine has for them',
      'auto',
    )
    .option('--leaves', 'with --broker nats: a leaf server for each cloud but home, whose ring stays inside')
    .option('--print-nats-config', 'print the users that a nats-server must know, and end')
    .action(async (flags: UpCommandFlags) => {
      const { runUp } = await import('./up.ts')
      done(await runUp(flags, terminal))
    })
}

function addController(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  shared(program.command('controller'))
    .description('the controller beside a broker, for agents on other machines')
    .option('--config <file>', 'configuration (YAML or JSON)')
    .option('--data <dir>', 'folder for everything that lasts')
    .option('--http-port <port>', 'REST API; 0 = any free port', portOf)
    .option('--carbon-port <port>', 'Graphite lines of the home agent; 0 = any', portOf)
    .option('--broker-port <port>', 'broker of ours; 0 = any', portOf)
    .option('--broker <kind>', 'embedded, nats, or nats://HOST:PORT')
    .option('--no-home-agent', 'run no agent of the cloud home beside the controller')
    .option('--print-config', 'print every setting and where it came from, and end')
    .action(async (flags: ControllerFlags) => {
      const { runController } = await import('./controller.ts')
      done(await runController(flags, terminal))
    })
}

function addAsking(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const hosts = shared(program.command('hosts'))
    .description('hosts, their state and vital signs')
    .action(async (flags: SharedFlags) => done(await runHosts(flags, terminal)))
  shared(hosts.command('leave'))
    .description('let a host hand over what it has and leave for good; its agent ends')
    .argument('<host>', 'its name, or TENANT.CLOUD.HOST')
    .option('--cloud <cloud>', 'in this cloud')
    .option('--deadline <duration>', 'time to hand over (default 5m); it stays when that is not enough')
    .option('--force', 'leave then all the same')
    .action(async (host: string, _: HostsLeaveFlags, command: Command) =>
      done(await runHostsLeave(host, command.optsWithGlobals<HostsLeaveFlags>(), terminal)),
    )
  addUpgrades(hosts, terminal, done)
  shared(program.command('metrics'))
    .description('series whose name and tags match; HOST* = as the controller last heard, the host did not answer')
    .argument('[match]', 'Graphite glob, or name;tag=value')
    .option('--host <host>', 'of this host only')
    .option('--cloud <cloud>', 'of this cloud only')
    .action(async (match: string | undefined, flags: MetricsFlags) => done(await runMetrics(match, flags, terminal)))
  shared(program.command('query'))
    .description('samples, or a function of them')
    .argument('<match>', 'Graphite glob, or name;tag=value')
    .option('--host <host>', 'of this host only')
    .option('--cloud <cloud>', 'of this cloud only')
    .option('--from <time>', 'epoch milliseconds, ISO 8601, or relative: -1h')
    .option('--until <time>', 'the same; default now')
    .option('--last', 'the newest sample of each series')
    .option('--function <name>', 'mean, max, p95, … over the span')
    .option('--step <duration>', 'one result per step: 1m')
    .action(async (match: string, flags: QueryFlags) => done(await runQuery(match, flags, terminal)))
  shared(program.command('ring'))
    .description('copies inside each cloud: who has whose, and how far behind')
    .option('--cloud <cloud>', 'of this cloud only, or a glob')
    .action(async (flags: RingFlags) => done(await runRing(flags, terminal)))
  shared(program.command('watch'))
    .description('published metrics as they come, until Ctrl-C')
    .argument('<pattern>', "* is one part of a name, a final > all the rest: 'shop.>'")
    .action(async (pattern: string, flags: SharedFlags) => {
      const { runWatch } = await import('./watch.ts')
      done(await runWatch(pattern, flags, terminal))
    })
  shared(program.command('top'))
    .description('the table of hosts, live')
    .action(async (flags: SharedFlags) => done(await runTop(flags, terminal)))
  shared(program.command('doctor'))
    .description('what stands in the way, and how to remove it')
    .option('--data <dir>', 'data folder of "lanista up"', './.lanista')
    .action(async (flags: DoctorFlags) => {
      const { runDoctor } = await import('./doctor.ts')
      done(await runDoctor(flags, terminal))
    })
}

function addStore(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const store = program
    .command('store')
    .description('the stores of running agents; with --data DIR that of a stopped one')
  const ofHosts = (name: string, summary: string): Command =>
    shared(store.command(name))
      .description(summary)
      .option('--host <host>', 'of this host only, or a glob')
      .option('--cloud <cloud>', 'of this cloud only, or a glob')
  ofHosts('stats', 'series, points and bytes of all stores together').action(async (flags: StoreFlags) =>
    done(await runStoreStats(flags, terminal)),
  )
  ofHosts('check', 'let every store read all it has; 1 when something cannot be read').action(
    async (flags: StoreFlags) => done(await runStoreCheck(flags, terminal)),
  )
  ofHosts('export', 'all samples, one a line')
    .argument('[match]', 'Graphite glob, or name;tag=value')
    .option('--from <time>', 'epoch milliseconds, ISO 8601, or relative: -1h')
    .option('--until <time>', 'the same')
    .addOption(new Option('--format <format>', 'JSON lines, or CSV').choices(['json', 'csv']).default('json'))
    .action(async (match: string | undefined, flags: ExportFlags) => done(await runStoreExport(match, flags, terminal)))
  ofHosts('repair', 'let every store put aside what it cannot read').action(async (flags: StoreFlags) =>
    done(await runStoreRepair(flags, terminal)),
  )
  ofHosts('dump', 'what lies in the store of one host, an entry a line').action(async (flags: StoreFlags) =>
    done(await runStoreDump(flags, terminal)),
  )
}

function countOf(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('expected a whole number, 1 to 999999.')
  return Number(text)
}

function msOf(text: string): number {
  try {
    return parseDuration(text)
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error))
  }
}

function portOf(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError('expected a port, 0 to 65535.')
  return Number(text)
}
