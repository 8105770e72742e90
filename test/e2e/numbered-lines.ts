import { setTimeout as sleep } from 'node:timers/promises'
import type { Running, Workspace } from './workspace.ts'

const linesAtOnce = 10
const everyMs = 50

/** Numbers 0, 1, 2, … as samples 10 ms apart, at a steady rate over one connection, until told to stop. */
export class NumberedLines {
  readonly #program: Running
  readonly #stop = new AbortController()
  readonly #ended: Promise<void>
  readonly #firstMs: number
  sent: number

  /** @param from the first number; @param wrap words before the command, to send from inside a network */
  constructor(workspace: Workspace, carbon: string, firstMs: number, from = 0, wrap: readonly string[] = []) {
    const [address, port] = carbon.split(':')
    const pipe = ['bash', '-c', `exec 3<>/dev/tcp/${address}/${port}; exec cat >&3`]
    const [program = '', ...args] = [...wrap, ...pipe]
    this.#program = workspace.startProgram(program, args)
    // the agent may be killed while lines are on their way
    this.#program.child.stdin?.on('error', () => this.#stop.abort())
    this.#firstMs = firstMs
    this.sent = from
    this.#ended = this.#send()
  }

  /** Resolves when everything sent has been handed to the agent's socket, or it is gone. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#ended
    this.#program.child.stdin?.end()
    await this.#program.ended
  }

  async #send(): Promise<void> {
    const { child } = this.#program
    while (!this.#stop.signal.aborted && child.stdin?.writable) {
      const lines = Array.from({ length: linesAtOnce }, () => {
        const number = this.sent++
        return `numbered ${number} ${this.#firstMs + 10 * number}\n`
      })
      if (!child.stdin.write(lines.join(''))) await sleep(everyMs)
      await sleep(everyMs)
    }
  }
}
