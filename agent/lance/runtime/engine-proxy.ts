/** Stands between a runtime and its engine, and breaks what the test says: a socket that is gone, events that never come, answers that are lost. */
import { rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'

export class EngineProxy {
  readonly socketPath: string
  readonly #enginePath: string
  readonly #open = new Set<Socket>()
  #server: Server | undefined
  /** A request whose first line matches is carried out, and its answer lost with the connection; once. */
  loseAnswerOf: RegExp | undefined
  /** Answers to these never come, though the connection stands. */
  silence: RegExp | undefined
  /** First lines of requests. */
  readonly asked: string[] = []

  constructor(socketPath: string, enginePath: string) {
    this.socketPath = socketPath
    this.#enginePath = enginePath
  }

  async restore(): Promise<void> {
    const server = createServer((client) => this.#carry(client))
    this.#server = server
    await new Promise<void>((resolve) => server.listen(this.socketPath, resolve))
  }

  /** Nobody answers, and nobody listens. */
  async remove(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    for (const socket of this.#open) socket.destroy()
    if (server) await new Promise((resolve) => server.close(resolve))
    await rm(this.socketPath, { force: true })
  }

  #carry(client: Socket): void {
    const engine = connect(this.#enginePath)
    for (const socket of [client, engine]) {
      this.#open.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#open.delete(socket)
        client.destroy()
        engine.destroy()
      })
    }
    let fate: 'carried' | 'lost' | 'silent' = 'carried'
    client.once('data', (chunk) => {
      const [line = ''] = chunk.toString('latin1').split('\r\n', 1)
      this.asked.push(line)
      if (this.silence?.test(line)) fate = 'silent'
      if (this.loseAnswerOf?.test(line)) {
        this.loseAnswerOf = undefined
        fate = 'lost'
      }
    })
    client.on('data', (chunk) => engine.write(chunk))
    engine.on('data', (chunk) => {
      if (fate === 'carried') client.write(chunk)
      else if (fate === 'lost') client.destroy()
    })
  }
}
