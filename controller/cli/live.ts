import type { Terminal } from './terminal.ts'

const clearToEnd = '\u001b[0J'
const clearLine = '\u001b[K'

/** A block of lines at the bottom of a terminal, redrawn in place. Lines are cut to the terminal, never wrapped. */
export class LiveBlock {
  readonly #terminal: Terminal
  #height = 0

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  /** Replaces what is shown. */
  draw(lines: readonly string[]): void {
    const { columns, rows } = this.#terminal.size()
    const shown = lines.slice(0, Math.max(1, rows - 1)).map((line) => `${line.slice(0, columns)}${clearLine}`)
    const up = this.#height > 0 ? `\u001b[${this.#height}A\r` : ''
    this.#terminal.write(`${up}${shown.join('\n')}\n${clearToEnd}`)
    this.#height = shown.length
  }
}
