/** Starts `mortal-agent.ts`, and kills it as soon as it has started its instance: what it ran is left alone on the machine. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('./mortal-agent.ts', import.meta.url))

/** @param words its arguments. Resolves when it is dead; throws when it ended by itself. */
export async function startAndKillAgent(...words: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, ['--import', 'tsx', program, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exit = once(child, 'exit')
  const said = await Promise.race([once(child.stdout, 'data').then(() => true), exit.then(() => false)])
  child.kill('SIGKILL')
  await exit
  if (!said) throw new Error('the agent ended before it had started anything')
}
