/** A TCP link between a leaf and its hub that counts what crosses, and can be cut. */
import { connect, createServer, type Server, type Socket } from 'node:net'

export class LeafLink implements AsyncDisposable {
  readonly #server: Server
  readonly #target: number
  readonly #pairs = new Set<Socket>()
  #isCut = false
  /** Times a leaf has dialled and got through. */
  joins = 0
  /** Bytes from the leaf to the hub, and back. */
  up = 0
  down = 0
  /** All that crossed, for tests that look for a word in it. */
  #heard: Buffer[] = []

  private constructor(target: number) {
    this.#target = target
    this.#server = createServer((leaf) => this.#join(leaf))
  }

  /** Listens on any free port and passes on to `target`. */
  static async open(target: number): Promise<LeafLink> {
    const link = new LeafLink(target)
    await new Promise<void>((resolve) => link.#server.listen(0, '127.0.0.1', resolve))
    return link
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address ? address.port : 0
  }

  get bytes(): number {
    return this.up + this.down
  }

  /** All bytes since `reset`, both ways, as text. */
  get text(): string {
    return Buffer.concat(this.#heard).toString('latin1')
  }

  reset(): void {
    this.up = 0
    this.down = 0
    this.#heard = []
  }

  /** Ends what is open and lets nobody through until healed. */
  cut(): void {
    this.#isCut = true
    for (const socket of this.#pairs) socket.destroy()
  }

  heal(): void {
    this.#isCut = false
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The hub tells its leaves where it listens, and they would dial it past us. */
  #withoutOwnAddress(bytes: Buffer): Buffer {
    if (!bytes.subarray(0, 5).equals(Buffer.from('INFO '))) return bytes
    const told = `"leafnode_urls":["127.0.0.1:${this.#target}"]`
    return Buffer.from(bytes.toString('latin1').replace(told, '"leafnode_urls":[]'), 'latin1')
  }

  #join(leaf: Socket): void {
    if (this.#isCut) {
      leaf.destroy()
      return
    }
    this.joins++
    const hub = connect({ port: this.#target, host: '127.0.0.1', noDelay: true })
    leaf.setNoDelay(true)
    leaf.on('data', (bytes) => {
      this.up += bytes.length
      this.#heard.push(bytes)
      hub.write(bytes)
    })
    hub.on('data', (raw: Buffer) => {
      const bytes = this.#withoutOwnAddress(raw)
      this.down += bytes.length
      this.#heard.push(bytes)
      leaf.write(bytes)
    })
    for (const [one, other] of [[leaf, hub] as const, [hub, leaf] as const]) {
      this.#pairs.add(one)
      one.on('error', () => undefined) // its end is what counts
      one.on('close', () => {
        this.#pairs.delete(one)
        other.destroy()
      })
    }
  }
}
