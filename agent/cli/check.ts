import { printConfig } from '#protocol/runtime/config.ts'
import type { Command } from './arguments.ts'
import { loadAgentConfig } from './load-config.ts'

/** Checks a configuration without touching the network or the disk: every mistake with its path, exit code 2 when there is one. */
export function check(command: Extract<Command, { kind: 'check' }>): number {
  const loaded = loadAgentConfig(command)
  if (command.print) process.stdout.write(printConfig(loaded))
  else process.stdout.write(command.json ? `${JSON.stringify({ ok: true })}\n` : 'the configuration is sound\n')
  return 0
}
