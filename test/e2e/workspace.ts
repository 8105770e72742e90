/** A place of its own for one test: data folder, token file, and every process started in it, ended at the end. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { descendants, stillRunning, workingBelow } from './process-tree.ts'

/** What `npm run build` made; LANISTA_DIST names another build. */
const dist = process.env['LANISTA_DIST'] ?? fileURLToPath(new URL('../../dist', import.meta.url))
const bundle = join(dist, 'lanista.mjs')

/** The line of `lanista up --json`. */
export interface Ready {
  readonly event: 'ready'
  readonly http: string
  readonly broker: string
  readonly carbon: readonly string[]
  readonly operator: { readonly user: string; readonly password: string }
}

/** How a command ended. */
export interface Result {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A command that runs until told otherwise. */
export interface Running {
  readonly child: ChildProcess
  readonly pid: number
  /** All it said so far. */
  stdout(): string
  stderr(): string
  /** Resolves when it has ended. */
  readonly ended: Promise<Result>
}

/** A question that was not answered, or not by all: hosts may be on their way back. */
class NoAnswer extends Error {}

export class Workspace implements AsyncDisposable {
  readonly folder: string
  readonly data: string
  readonly #running = new Set<Running>()
  /** What was answered last, by question. */
  readonly #answers = new Map<string, string>()

  constructor() {
    if (!existsSync(bundle)) throw new Error(`run "npm run build" first: found nothing at ${bundle}`)
    this.folder = mkdtempSync(join(tmpdir(), 'lanista-e2e-'))
    this.data = join(this.folder, 'data')
  }

  /** Any free ports, our own data folder. */
  upFlags(...more: readonly string[]): string[] {
    return ['up', '--json', '--data', this.data, ...anyPort('--http-port', '--carbon-port', '--broker-port'), ...more]
  }

  /** Starts `lanista …` and returns at once. */
  start(args: readonly string[]): Running {
    return this.startProgram(process.execPath, [bundle, ...args])
  }

  /** Starts `lanista …` with its stdout or stderr on a disk that is full. */
  startUnwritable(stream: 'stdout' | 'stderr', ...args: readonly string[]): Running {
    const script = `exec "$@" ${stream === 'stdout' ? '1' : '2'}> /dev/full`
    return this.startProgram('sh', ['-c', script, 'sh', process.execPath, bundle, ...args])
  }

  /** Starts an agent itself, as systemd does; `wrap` = words before the command. */
  startAgent(config: string, wrap: readonly string[] = []): Running {
    const command = [process.execPath, join(dist, 'agent.mjs'), 'run', '--config', config, '--json']
    const [program = '', ...args] = [...wrap, ...command]
    return this.startProgram(program, args)
  }

  /** Starts any program in this workspace. */
  startProgram(program: string, args: readonly string[]): Running {
    const env = { ...process.env, XDG_CONFIG_HOME: join(this.folder, 'config'), LANISTA_CONTROLLER: '' }
    const child = spawn(program, [...args], { env, stdio: ['pipe', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const ended = new Promise<Result>((resolve) => {
      child.once('error', (error) => resolve({ code: null, stdout, stderr: `${stderr}${error.message}` }))
      child.once('close', (code) => resolve({ code, stdout, stderr }))
    })
    const running: Running = { child, pid: child.pid ?? -1, stdout: () => stdout, stderr: () => stderr, ended }
    this.#running.add(running)
    void ended.then(() => this.#running.delete(running))
    return running
  }

  /** Runs `lanista …` to its end. */
  run(...args: readonly string[]): Promise<Result> {
    const running = this.start(args)
    running.child.stdin?.end()
    return running.ended
  }

  /** Runs a command that answers with one JSON value; throws NoAnswer with what it said when it failed. */
  async ask<T>(...args: readonly string[]): Promise<T> {
    const result = await this.run(...args, '--json')
    this.#answers.set(args.join(' '), `${result.stdout}${result.stderr}`)
    if (result.code !== 0) throw new NoAnswer(`lanista ${args.join(' ')}: ${result.code}: ${result.stderr}`)
    return JSON.parse(result.stdout) as T
  }

  /** Starts `lanista up` and waits for its ready line. */
  async up(...more: readonly string[]): Promise<{ running: Running; ready: Ready }> {
    const running = this.start(this.upFlags(...more))
    const line = await firstLine(running)
    return { running, ready: JSON.parse(line) as Ready }
  }

  /** As `until`; who does not answer yet is asked again, and the error has what was asked last, and what every command that runs said last. */
  until(isTrue: () => boolean | Promise<boolean>, what: string, deadlineMs: number): Promise<void> {
    const isTrueNow = async (): Promise<boolean> => {
      try {
        return await isTrue()
      } catch (error) {
        if (error instanceof NoAnswer) return false
        throw error
      }
    }
    return until(isTrueNow, what, deadlineMs, { stderr: () => this.#found() })
  }

  /** Ends whatever still runs, its children and the instances that they left, and removes the folder. */
  async close(): Promise<void> {
    for (const running of this.#running) {
      const family = [running.pid, ...descendants(running.pid)]
      for (const pid of family) killQuietly(pid)
      await running.ended
      await until(() => stillRunning(family).length === 0, 'the end of what a test started', 10_000)
    }
    for (const pid of workingBelow(this.folder)) killQuietly(pid)
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #found(): string {
    const answers = [...this.#answers].map(([question, answer]) => `\nlanista ${question}: ${answer.slice(0, 4000)}`)
    const logs = [...this.#running].map(
      ({ child, stderr }) => `\n${child.spawnargs.join(' ')}: ${stderr().slice(-8000)}`,
    )
    return [...answers, ...logs].join('')
  }
}

/** The first line on stdout; throws what was said on stderr when the command ends without one. */
export async function firstLine(running: Running): Promise<string> {
  let end: Result | undefined
  void running.ended.then((result) => {
    end = result
  })
  await until(() => running.stdout().includes('\n') || end !== undefined, 'a line on stdout', 60_000, running)
  if (!running.stdout().includes('\n')) throw new Error(`ended with ${end?.code}: ${running.stderr()}`)
  return running.stdout().slice(0, running.stdout().indexOf('\n'))
}

/**
 * Looks every 20 ms until `isTrue`, and less often where a look is a command of its own: others need the machine, too. Throws naming what
 * was waited for.
 */
export async function until(
  isTrue: () => boolean | Promise<boolean>,
  what: string,
  deadlineMs: number,
  running?: Pick<Running, 'stderr'>,
): Promise<void> {
  const end = performance.now() + deadlineMs
  for (let beganMs = performance.now(); !(await isTrue()); beganMs = performance.now()) {
    const nowMs = performance.now()
    if (nowMs > end) throw new Error(`no ${what} within ${deadlineMs} ms: ${running?.stderr() ?? ''}`)
    await new Promise((resolve) => setTimeout(resolve, Math.max(20, nowMs - beganMs)))
  }
}

/** Sends carbon lines as `echo … > /dev/tcp/…` does. */
export function sendLines(place: string | undefined, ...lines: readonly string[]): Promise<void> {
  const [host, port] = (place ?? '').split(':')
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host)
    socket.once('error', reject)
    socket.once('close', () => resolve())
    socket.resume()
    socket.end(`${lines.join('\n')}\n`)
  })
}

function anyPort(...flags: readonly string[]): string[] {
  return flags.flatMap((flag) => [flag, '0'])
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // ended already
  }
}
