import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** The line `lanista up --json` prints when everything answers. */
export interface Ready {
  readonly http: string
  readonly broker: string
  readonly carbon: readonly string[]
  readonly operator: { readonly user: string; readonly password: string }
}

/** A fleet of its own in a temporary folder, on free ports. */
export interface Fleet extends AsyncDisposable {
  readonly ready: Ready
  readonly env: NodeJS.ProcessEnv
}

/** Starts `dist/lanista.mjs up` and waits for its ready line. */
export async function startFleet(broker: 'embedded' | 'nats', more: readonly string[] = []): Promise<Fleet> {
  const folder = mkdtempSync(join(tmpdir(), 'lanista-bench-'))
  const env = { ...process.env, XDG_CONFIG_HOME: join(folder, 'config') }
  const ports = ['--http-port', '0', '--carbon-port', '0', '--broker-port', '0']
  const args = [
    'dist/lanista.mjs',
    'up',
    '--json',
    '--data',
    join(folder, 'data'),
    '--broker',
    broker,
    ...ports,
    ...more,
  ]
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'ignore'] })
  const ready = JSON.parse(await firstLine(child)) as Ready
  return {
    ready,
    env,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGINT')
      await new Promise((resolve) => child.once('exit', resolve))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('start up with a pipe')
  for await (const line of createInterface({ input: child.stdout })) return line
  throw new Error('up ended before it was ready')
}
