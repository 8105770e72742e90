/** A network of its own for a process: a namespace with one cable to this machine, which can be pulled. Needs root and `ip`. */
import { execFileSync } from 'node:child_process'

const program = 'ip'
/** Networks of four addresses in 10.200.0.0/16: another one for each process that runs tests. */
const subnets = 16_384

export class OwnNetwork {
  readonly name: string
  /** This machine, seen from inside. */
  readonly gateway: string
  readonly #cable: string

  constructor() {
    const number = process.pid % subnets
    this.name = `lanista-${number}`
    const address = (host: number): string => `10.200.${(4 * number) >> 8}.${((4 * number) & 255) + host}`
    this.gateway = address(1)
    this.#cable = `ln-${number}`
    this.close()
    ip('netns', 'add', this.name)
    ip('link', 'add', this.#cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.name)
    ip('address', 'add', `${this.gateway}/30`, 'dev', this.#cable)
    ip('link', 'set', this.#cable, 'up')
    this.#inside('address', 'add', `${address(2)}/30`, 'dev', 'eth0')
    this.#inside('link', 'set', 'lo', 'up')
    this.#inside('link', 'set', 'eth0', 'up')
  }

  /** Words before a command that make it run inside. */
  get wrap(): readonly string[] {
    return ['ip', 'netns', 'exec', this.name]
  }

  /** Nothing goes in or out any more, and nobody is told. */
  cut(): void {
    this.#inside('link', 'set', 'eth0', 'down')
  }

  heal(): void {
    this.#inside('link', 'set', 'eth0', 'up')
  }

  /** End what runs inside first. */
  close(): void {
    const has = (what: string, name: string): boolean =>
      ip('-brief', what)
        .split('\n')
        .some((line) => line.split(/[ @]/)[0] === name)
    // the cable by itself: a namespace takes its own with it only some time later
    if (has('link', this.#cable)) ip('link', 'delete', this.#cable)
    if (has('netns', this.name)) ip('netns', 'delete', this.name)
  }

  #inside(...args: readonly string[]): void {
    ip('-netns', this.name, ...args)
  }
}

function ip(...args: readonly string[]): string {
  return execFileSync(program, args).toString()
}
