/** The commands about generic services. */
import type { Command } from 'commander'
import type { SharedFlags } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { runScript, runScripts } from './scripts.ts'
import { shared } from './shared-options.ts'
import type { Terminal } from './terminal.ts'

const verbs = [
  ['run', 'run the service’s script on all members; refused while one runs'],
  ['interrupt', 'interrupt what runs; a second time it is told to end, then killed'],
  ['cleanup', 'run the service’s cleanup on all members; refused while a script runs'],
] as const

/** Adds `run`, `interrupt`, `cleanup` and `scripts`. */
export function addScripts(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  for (const [verb, summary] of verbs) {
    shared(program.command(verb))
      .description(summary)
      .argument('<component>', 'shop/crunch')
      .argument('[parameters...]', 'behind --; without any, those of the component')
      .action(async (name: string, parameters: string[], flags: SharedFlags) =>
        done(await runScript(verb, name, parameters, flags, terminal)),
      )
  }
  shared(program.command('scripts'))
    .description('how each script of a service is on each host')
    .argument('<component>', 'shop/crunch')
    .action(async (name: string, flags: SharedFlags) => done(await runScripts(name, flags, terminal)))
}
