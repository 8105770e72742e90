/** What there is to say about rules and events: which words, which flags, and which file does it. */
import type { Command } from 'commander'
import type { SharedFlags } from './context.ts'
import { type EventsFlags, runEvents } from './events.ts'
import type { ExitCode } from './exit-code.ts'
import {
  type ReplayFlags,
  type RulesFlags,
  runRules,
  runRulesDryRun,
  runRulesExplain,
  runRulesPause,
  runRulesReplay,
} from './rules.ts'
import { shared } from './shared-options.ts'
import type { Terminal } from './terminal.ts'

const ruleWords = 'name, or application.name'

/** Adds `rules` and `events`. */
export function addRules(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const rules = program.command('rules').description('scaling rules: how they stand, why, and what they would do')
  shared(rules.command('list', { isDefault: true }))
    .description('all of them, with their last decisions')
    .option('--application <name>', 'of this application only')
    .action(async (flags: RulesFlags) => done(await runRules(flags, terminal)))
  const ofRule = (name: string, summary: string): Command =>
    shared(rules.command(name)).description(summary).argument('<rule>', ruleWords)
  ofRule('explain', 'the last decision: inputs, condition, every guard in turn, and what happens next').action(
    async (rule: string, flags: SharedFlags) => done(await runRulesExplain(rule, flags, terminal)),
  )
  ofRule('dry-run', 'what it would decide now, paused or not; changes nothing').action(
    async (rule: string, flags: SharedFlags) => done(await runRulesDryRun(rule, flags, terminal)),
  )
  ofRule('pause', 'let it decide nothing until it is resumed').action(async (rule: string, flags: SharedFlags) =>
    done(await runRulesPause(rule, 'pause', flags, terminal)),
  )
  ofRule('resume', 'let it decide again').action(async (rule: string, flags: SharedFlags) =>
    done(await runRulesPause(rule, 'resume', flags, terminal)),
  )
  shared(rules.command('replay'))
    .description('what it would have done over stored history, together with the other active rules')
    .argument('[rule]', `${ruleWords}; without one, all of --file`)
    .requiredOption('--from <time>', 'epoch milliseconds, ISO 8601, or relative: -1d')
    .option('--until <time>', 'the same; default now')
    .option('--file <file>', 'rules of an application file instead of those applied; - = stdin')
    .option('--wanted <counts>', 'instances at the beginning: web=2,db=1 (default: those of now; of a file: initial)')
    .option('--every', 'every decision, also those that repeat the one before')
    .action(async (rule: string | undefined, flags: ReplayFlags) => done(await runRulesReplay(rule, flags, terminal)))
  shared(program.command('events'))
    .description('what happened: decisions, and whatever agents and the controller had to say')
    .option('--kind <glob>', "of these kinds only: 'rule.*'")
    .option('--application <name>', 'about this application only')
    .option('--host <host>', 'said by this host only')
    .option('--cloud <cloud>', 'of this cloud only')
    .option('--from <time>', 'epoch milliseconds, ISO 8601, or relative: -1h')
    .option('--until <time>', 'the same')
    .option('--limit <n>', 'the newest so many (default 100)')
    .option('--follow', 'as they come, until Ctrl-C')
    .action(async (flags: EventsFlags) => done(await runEvents(flags, terminal)))
}
