/** Characters of one line; a longer one is given out in pieces. */
const lineCharactersMax = 4096

/** Turns chunks of bytes into lines without their ends; keeps what has no end yet, up to one line's bound. */
export class LineSplitter {
  readonly #decoder = new TextDecoder()
  #rest = ''

  push(chunk: Uint8Array): readonly string[] {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split('\n')
    this.#rest = lines.pop() ?? ''
    const pieces = lines.flatMap((line) => cut(line.replace(/\r$/, '')))
    while (this.#rest.length > lineCharactersMax) {
      pieces.push(this.#rest.slice(0, lineCharactersMax))
      this.#rest = this.#rest.slice(lineCharactersMax)
    }
    return pieces
  }

  /** What was left without an end. */
  end(): readonly string[] {
    const rest = this.#rest
    this.#rest = ''
    return rest === '' ? [] : cut(rest)
  }
}

function cut(line: string): readonly string[] {
  if (line.length <= lineCharactersMax) return [line]
  const pieces: string[] = []
  for (let at = 0; at < line.length; at += lineCharactersMax) pieces.push(line.slice(at, at + lineCharactersMax))
  return pieces
}
