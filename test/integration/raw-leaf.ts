/** A hostile leaf server, written by hand: it logs in as one cloud's leaf and then says whatever it likes. */
import { connect, type Socket } from 'node:net'

/** What the hub sent it: the subject of each message, and errors. */
export class RawLeaf {
  readonly subjects: string[] = []
  readonly errors: string[] = []
  readonly #socket: Socket
  #rest = ''
  #pongs = 0
  #isClosed = false
  readonly #watchers = new Set<() => void>()

  private constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.setEncoding('latin1')
    this.#socket.on('data', (text: string) => this.#read(text))
    this.#socket.on('error', (error) => this.errors.push(error.message))
    this.#socket.on('close', () => {
      this.#isClosed = true
      this.#wake()
    })
  }

  /** Logs in; `login` holds the CONNECT fields that name somebody. Resolves when let in or shown out (`errors`). */
  static async connect(port: number, login: object): Promise<RawLeaf> {
    const leaf = new RawLeaf(port)
    const options = { ...login, name: 'hostile', version: '2.9.10', headers: true, verbose: false }
    leaf.#socket.write(`CONNECT ${JSON.stringify(options)}\r\n`)
    await leaf.settle()
    return leaf
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  subscribe(pattern: string): void {
    this.#socket.write(`LS+ ${pattern}\r\n`)
  }

  publish(subject: string, body = 'forged'): void {
    this.#socket.write(`LMSG ${subject} ${body.length}\r\n${body}\r\n`)
  }

  /** Resolves when the hub has taken all that was said before, or has hung up. */
  async settle(): Promise<void> {
    const before = this.#pongs
    this.#socket.write('PING\r\n')
    while (this.#pongs === before && !this.#isClosed) await new Promise<void>((wake) => this.#watchers.add(wake))
  }

  close(): void {
    this.#socket.destroy()
  }

  #wake(): void {
    for (const wake of this.#watchers) wake()
    this.#watchers.clear()
  }

  /** Bodies are read as lines too: ours hold no protocol words. */
  #read(text: string): void {
    const lines = (this.#rest + text).split('\r\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      const [word, subject = ''] = line.split(' ')
      if (word === 'PING') this.#socket.write('PONG\r\n')
      if (word === 'PONG') this.#pongs++
      if (word === 'LMSG' || word === 'HMSG') this.subjects.push(subject)
      if (word === '-ERR') this.errors.push(line)
    }
    this.#wake()
  }
}
