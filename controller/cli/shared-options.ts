import type { Command } from 'commander'

/** The options of every command that asks the controller. */
export function shared(command: Command): Command {
  return command
    .option('--json', 'the answer as JSON on stdout')
    .option('--controller <url>', 'controller to ask (default: LANISTA_CONTROLLER, or the one with a token)')
    .allowExcessArguments(false)
}
