/** A Docker engine for tests: the machine's own where one runs, else one started for them, with an image out of busybox. */
import { type ChildProcess, spawn } from 'node:child_process'
import { access, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type Docker from 'dockerode'
import { openEngine } from './docker-engine.ts'
import { textMember, type WrittenMember, writeTar } from './tar-writer.ts'

/** Debian's; the machine's own path may lack the folder. */
const engineProgram = '/usr/sbin/dockerd'
const machineSocket = '/var/run/docker.sock'
const repo = 'lanista-test'
/** Busybox and nothing else; runs `/bin/sh -c "echo itself; exec sleep 1000"` by itself. */
export const testImage: string = `${repo}:busybox`
const applets = ['cat', 'dd', 'echo', 'env', 'grep', 'kill', 'nc', 'sh', 'sleep', 'tail', 'touch', 'tr']

export interface TestEngine {
  readonly socketPath: string
  readonly engine: Docker
  /** Stops the engine if it was started here. */
  close(): Promise<void>
}

/** Throws when no engine answers within 30 s. */
export async function openTestEngine(): Promise<TestEngine> {
  const shared = await answering(machineSocket)
  if (shared) {
    await importImage(shared)
    return { socketPath: machineSocket, engine: shared, close: async () => {} }
  }
  const folder = await mkdtemp(join(tmpdir(), 'dockerd-'))
  const socketPath = join(folder, 'docker.sock')
  const child = startEngine(folder, socketPath)
  const close = async (): Promise<void> => {
    child.kill('SIGTERM')
    if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve))
    await rm(folder, { recursive: true, force: true })
  }
  for (let tries = 0; tries < 300; tries++) {
    const engine = await answering(socketPath)
    if (engine) {
      await importImage(engine)
      return { socketPath, engine, close }
    }
    if (child.exitCode !== null) break
    await delay(100)
  }
  await close()
  throw new Error('dockerd did not answer within 30 s: see scripts/setup-test-host.sh')
}

function startEngine(folder: string, socketPath: string): ChildProcess {
  const options = { host: `unix://${socketPath}`, 'data-root': `${folder}/data`, 'exec-root': `${folder}/exec` }
  const words = Object.entries({ ...options, pidfile: `${folder}/pid` }).flatMap(([name, value]) => [
    `--${name}`,
    value,
  ])
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` }
  return spawn(engineProgram, words, { stdio: 'ignore', env })
}

async function answering(socketPath: string): Promise<Docker | undefined> {
  const engine = await openEngine(socketPath)
  return engine.ping().then(
    () => engine,
    () => undefined,
  )
}

async function importImage(engine: Docker): Promise<void> {
  const path = await access('/bin/busybox').then(
    () => '/bin/busybox',
    () => '/usr/bin/busybox',
  )
  const stream = await engine.importImage(Readable.from(writeTar(members(await readFile(path)))), {
    repo,
    tag: 'busybox',
    changes: 'CMD ["/bin/sh", "-c", "echo itself; exec sleep 1000"]',
  })
  await new Promise<void>((resolve, reject) => {
    engine.modem.followProgress(stream, (error) => (error ? reject(error) : resolve()))
  })
}

function* members(busybox: Buffer): Generator<WrittenMember> {
  const bytes = busybox.length
  yield { path: 'bin/busybox', kind: 'file', mode: 0o755, bytes, target: '', content: [busybox] }
  for (const name of applets) {
    yield { path: `bin/${name}`, kind: 'symlink', mode: 0o777, bytes: 0, target: 'busybox', content: [] }
  }
  yield textMember('etc/passwd', 'root:x:0:0:root:/:/bin/sh\n', 0o644)
}
