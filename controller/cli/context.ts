import { ControllerClient } from './client.ts'
import { chooseEndpoint } from './endpoint.ts'
import type { Terminal } from './terminal.ts'
import { readTokens, tokensPath } from './tokens.ts'

/** Flags that every command takes. */
export interface SharedFlags {
  readonly json?: boolean | undefined
  readonly controller?: string | undefined
}

/** The client for the controller that the flags, the environment and the token file point at. Throws USAGE, TOKENS_UNREADABLE. */
export async function openClient(
  flags: SharedFlags,
  terminal: Terminal,
  deadlineMs?: number,
): Promise<ControllerClient> {
  const path = tokensPath(terminal.env)
  const endpoint = chooseEndpoint(flags.controller, terminal.env['LANISTA_CONTROLLER'], readTokens(path))
  return new ControllerClient({ endpoint, tokensPath: path, deadlineMs })
}

/** The answer as one JSON value on stdout. */
export function writeJson(terminal: Terminal, value: unknown): void {
  terminal.write(`${JSON.stringify(value)}\n`)
}
