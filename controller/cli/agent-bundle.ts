import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { LanistaError } from '#protocol/errors.ts'

type Env = Readonly<Record<string, string | undefined>>

/**
 * Where the agent's bundle is: LANISTA_AGENT_BUNDLE, else `agent.mjs` beside the running bundle, else (run from source) in
 * `dist/`. Throws AGENT_MISSING.
 */
export function agentBundlePath(env: Env, here: string = import.meta.url): string {
  const given = env['LANISTA_AGENT_BUNDLE']
  const places = given ? [given] : ['./agent.mjs', '../../dist/agent.mjs'].map((at) => fileURLToPath(new URL(at, here)))
  const found = places.find((place) => existsSync(place))
  if (found !== undefined) return found
  throw new LanistaError(
    'AGENT_MISSING',
    `build the agent with "npm run build", or name its bundle in LANISTA_AGENT_BUNDLE: found nothing at ${places.join(' or ')}`,
    { data: { places } },
  )
}

/**
 * Runs the agent's own command line in our place: same arguments, same input and output, its exit code is ours. Signals are
 * passed on, so that a supervisor that knows only our pid stops the agent with it.
 */
export function runAgentBundle(args: readonly string[], env: Env): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [agentBundlePath(env), ...args], { stdio: 'inherit' })
    const forward = (signal: NodeJS.Signals): void => {
      const fromTerminal = signal === 'SIGINT' && process.stdin.isTTY // Ctrl-C has reached the child already
      if (!fromTerminal) child.kill(signal)
    }
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
    for (const signal of signals) process.on(signal, forward)
    child.once('error', reject)
    child.once('exit', (code) => {
      for (const name of signals) process.off(name, forward)
      resolve(code ?? 1) // ended by a signal: it failed
    })
  })
}
