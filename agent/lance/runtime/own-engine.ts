/**
 * A Docker engine for the tests of this machine, where none runs: started by the first that needs it, used by all at once (two engines that start
 * together break each other's iptables), stopped by the last. Each user has a file in `users`; who can remove that folder is the last.
 */
import { spawn } from 'node:child_process'
import { mkdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** Debian's; the machine's own path may lack the folder. */
const engineProgram = '/usr/sbin/dockerd'
const folder = join(tmpdir(), `lanista-test-engine-${process.getuid?.() ?? 0}`)
const users = join(folder, 'users')
const pidFile = join(folder, 'pid')
/** Of a folder whose engine is not there: its starter was killed. */
const staleMs = 60_000
const tries = 600
const againMs = 100

export interface OwnEngine {
  readonly socketPath: string
  /** Stops it when nobody else uses it. */
  close(): Promise<void>
}

/** Starts it or joins it; it may not answer yet. Throws when neither is possible within a minute. */
export async function useOwnEngine(name: string): Promise<OwnEngine> {
  const own = join(users, name)
  for (let n = 0; n < tries; n++) {
    const isFirst = await succeeds(mkdir(folder))
    if (isFirst) await mkdir(users)
    // fails while the first makes it, and while the last removes it
    if (await succeeds(writeFile(own, ''))) {
      if (isFirst) start()
      return { socketPath: join(folder, 'docker.sock'), close: () => leave(own) }
    }
    await removeStale()
    await delay(againMs)
  }
  throw new Error(`remove ${folder}: found an engine there that neither runs nor ends`)
}

function start(): void {
  const places = { host: `unix://${folder}/docker.sock`, 'data-root': `${folder}/data`, 'exec-root': `${folder}/exec` }
  const words = Object.entries({ ...places, pidfile: pidFile }).flatMap(([name, value]) => [`--${name}`, value])
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` }
  // without a program, nobody answers: the caller says so
  spawn(engineProgram, words, { stdio: 'ignore', env, detached: true })
    .once('error', () => {})
    .unref()
}

async function leave(own: string): Promise<void> {
  await rm(own)
  if (!(await succeeds(rmdir(users)))) return
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''))
  if (pid > 1) await end(pid)
  await rm(folder, { recursive: true, force: true })
}

async function end(pid: number): Promise<void> {
  succeedsNow(() => process.kill(pid, 'SIGTERM'))
  for (let n = 0; n < tries; n++) {
    if (!isAlive(pid)) return
    await delay(againMs)
  }
}

async function removeStale(): Promise<void> {
  const found = await stat(folder).catch(() => undefined)
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''))
  const isOld = found !== undefined && Date.now() - found.mtimeMs > staleMs
  if (isOld && !(pid > 1 && isAlive(pid))) await rm(folder, { recursive: true, force: true })
}

function isAlive(pid: number): boolean {
  return succeedsNow(() => process.kill(pid, 0))
}

function succeedsNow(work: () => unknown): boolean {
  try {
    work()
    return true
  } catch {
    return false
  }
}

async function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  )
}
