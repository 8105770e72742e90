import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ReadyLine } from '#controller/up/ready.ts'
import { firstLine } from './report.ts'

/** A fleet of its own in a temporary folder, on free ports. */
export interface Fleet extends AsyncDisposable {
  readonly ready: ReadyLine
  readonly env: NodeJS.ProcessEnv
}

/** Starts `dist/lanista.mjs up` and waits for its ready line. @param engine unix socket of the Docker engine, where not the usual one */
export async function startFleet(
  broker: 'embedded' | 'nats',
  more: readonly string[] = [],
  engine?: string,
): Promise<Fleet> {
  const folder = mkdtempSync(join(tmpdir(), 'lanista-bench-'))
  const dockerHost = engine === undefined ? {} : { DOCKER_HOST: `unix://${engine}` }
  const env = { ...process.env, ...dockerHost, XDG_CONFIG_HOME: join(folder, 'config') }
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
  const ready = JSON.parse(await firstLine(child.stdout)) as ReadyLine
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
