import { type ChildProcess, spawn } from 'node:child_process'
import { z } from 'zod'
import { messageOf } from '#protocol/errors.ts'
import { readLines } from './line-reader.ts'

/** What an agent says once its intake is open. */
export interface AgentReady {
  readonly pid: number
  /** Where it takes carbon lines, `host:port`. */
  readonly carbon: string | undefined
}

/** How a child ended: its exit code or the signal, and the last line it said on stderr. */
export interface AgentEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly lastLine: string
  /**
   * What it said of a leave that it was asked for. `left`: for good, it is not to be started again. `stayed`: it could not hand
   * over and goes on as a member as soon as it is started again.
   */
  readonly departure?: 'left' | 'stayed' | undefined
}

export interface AgentProcessOptions {
  /** Path of `agent.mjs`. */
  readonly bundle: string
  readonly configPath: string
  /** Each line the agent says on stderr. */
  readonly onLog: (line: string) => void
}

const departureSchema = z.object({ event: z.enum(['left', 'stayed']) })
const readySchema = z.object({ event: z.literal('ready'), pid: z.int(), carbon: z.string().nullish() })

/**
 * One run of an agent as our child, in a process group of its own: Ctrl-C reaches us alone, and we stop things in order. The
 * agent watches its standard input and ends when we are gone, however we went.
 */
export class AgentProcess {
  /** Resolves when the intake is open; undefined when the child ended before. Never rejects. */
  readonly ready: Promise<AgentReady | undefined>
  /** Resolves when the child has ended and said its last. Never rejects. */
  readonly ended: Promise<AgentEnd>
  readonly #child: ChildProcess

  private constructor(options: AgentProcessOptions) {
    const args = [options.bundle, 'run', '--config', options.configPath, '--json', '--exit-with-parent']
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true })
    this.#child = child
    let lastLine = ''
    let announce: (ready: AgentReady | undefined) => void = () => undefined
    this.ready = new Promise((resolve) => {
      announce = resolve
    })
    child.stdin?.on('error', () => undefined) // the child closed its end: `ended` tells
    let departure: AgentEnd['departure']
    if (child.stdout) {
      readLines(child.stdout, (line) => {
        const said = jsonOf(line)
        const ready = readySchema.safeParse(said)
        if (ready.success) announce({ pid: ready.data.pid, carbon: ready.data.carbon ?? undefined })
        departure ??= departureSchema.safeParse(said).data?.event
      })
    }
    if (child.stderr) {
      readLines(child.stderr, (line) => {
        lastLine = line
        options.onLog(line)
      })
    }
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => {
        lastLine ||= messageOf(error)
        if (child.pid === undefined) resolve({ code: 1, signal: null, lastLine, departure })
      })
      child.once('close', (code, signal) => resolve({ code, signal, lastLine, departure }))
    })
    void this.ended.then(() => announce(undefined))
  }

  /** Starts the child; a failure to start shows as an early end. */
  static start(options: AgentProcessOptions): AgentProcess {
    return new AgentProcess(options)
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Asks it to finish and leave; after `graceMs` it is killed. Resolves when it has ended. */
  async stop(graceMs: number): Promise<void> {
    this.#child.kill('SIGTERM')
    this.#child.stdin?.end() // it watches this pipe: left open, it would keep the agent alive
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), graceMs)
    await this.ended
    clearTimeout(kill)
  }
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined // not ours
  }
}
