/** A Docker engine for tests: the machine's own where one runs, else one started for them, with an image out of busybox. */
import { randomUUID } from 'node:crypto'
import { access, readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type Docker from 'dockerode'
import { textMember, type WrittenMember, writeTar } from '#protocol/archive/tar-writer.ts'
import { openEngine } from './docker-engine.ts'
import { useOwnEngine } from './own-engine.ts'

const machineSocket = '/var/run/docker.sock'
const repo = 'lanista-test'
/** Busybox and nothing else; runs `/bin/sh -c "echo itself; exec sleep 1000"` by itself. */
export const testImage: string = `${repo}:busybox`
const applets = [
  'cat',
  'dd',
  'echo',
  'env',
  'grep',
  'kill',
  'mkdir',
  'mv',
  'nc',
  'rm',
  'sh',
  'sleep',
  'tail',
  'touch',
  'tr',
]

export interface TestEngine {
  readonly socketPath: string
  readonly engine: Docker
  /** Stops the engine if it was started by tests, and none uses it any more. */
  close(): Promise<void>
}

/** Throws when no engine answers within 30 s. */
export async function openTestEngine(): Promise<TestEngine> {
  const shared = await answering(machineSocket)
  if (shared) {
    await importTestImage(shared)
    return { socketPath: machineSocket, engine: shared, close: async () => {} }
  }
  const own = await useOwnEngine(randomUUID())
  for (let tries = 0; tries < 300; tries++) {
    const engine = await answering(own.socketPath)
    if (engine) {
      await importTestImage(engine)
      return { socketPath: own.socketPath, engine, close: own.close }
    }
    await delay(100)
  }
  await own.close()
  throw new Error('dockerd did not answer within 30 s: see scripts/setup-test-host.sh')
}

async function answering(socketPath: string): Promise<Docker | undefined> {
  const engine = await openEngine(socketPath)
  return engine.ping().then(
    () => engine,
    () => undefined,
  )
}

/** Gives an engine the image of the tests. */
export async function importTestImage(engine: Docker): Promise<void> {
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
