/** A controller, a nats-server and agents without sensors, each a process of its own in a temporary folder, for the ring's figures. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { anyFreePort } from '#controller/up/free-port.ts'
import type { ReadyLine } from '#controller/up/ready.ts'
import { firstLine } from './report.ts'

const heartbeatIntervalMs = 500

/** A host as `GET /api/v1/ring` lists it, as far as it matters here. */
export interface RingFigures {
  readonly host: string
  readonly degree: number | null
  readonly bytes_out: number | null
  readonly held_by: readonly { readonly host: string; readonly samples: number }[]
}

/** An agent that runs. */
export interface FleetAgent {
  readonly host: string
  readonly pid: number
  /** To its carbon port. */
  readonly socket: Socket
  readonly child: ChildProcess
}

export class RingFleet implements AsyncDisposable {
  readonly agents: readonly FleetAgent[]
  readonly #folder: string
  readonly #controller: ChildProcess
  readonly #ready: ReadyLine

  private constructor(folder: string, controller: ChildProcess, ready: ReadyLine, agents: readonly FleetAgent[]) {
    this.#folder = folder
    this.#controller = controller
    this.#ready = ready
    this.agents = agents
  }

  /** @param ring settings of every agent's ring */
  static async start(hosts: number, ring: { readonly copies: number; readonly graceMs?: number }): Promise<RingFleet> {
    const folder = mkdtempSync(join(tmpdir(), 'lanista-bench-ring-'))
    const names = Array.from({ length: hosts }, (_, i) => `home-${i}`)
    const port = await anyFreePort('127.0.0.1', 'broker')
    const agents = names.map((host) => ({ id: `default.home.${host}`, nkey: publicKey(join(folder, host), host) }))
    const config = join(folder, 'controller.json')
    const http = { host: '127.0.0.1', port: 0 }
    const broker = { broker: 'nats', brokerListen: { host: '127.0.0.1', port } }
    writeFileSync(
      config,
      JSON.stringify({ data: folder, ...broker, http, homeAgent: false, heartbeatIntervalMs, agents }),
    )
    const controller = start(['dist/lanista.mjs', 'controller', '--config', config, '--json'])
    const ready = JSON.parse(await firstLine(controller.stdout)) as ReadyLine
    const running = await Promise.all(names.map((host) => startAgent(join(folder, host), host, port, ring)))
    return new RingFleet(folder, controller, ready, running)
  }

  /** What the agents say of their ring. */
  async ring(): Promise<readonly RingFigures[]> {
    const headers = { authorization: `Bearer ${this.#ready.operator.password}` }
    const response = await fetch(`${this.#ready.http}/api/v1/ring?cloud=home`, { headers })
    return (await response.json()) as RingFigures[]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.agents) socket.destroy()
    for (const child of [...this.agents.map((agent) => agent.child), this.#controller]) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGINT')
      await once(child, 'exit')
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

function start(args: readonly string[]): ChildProcess & { readonly stdout: NodeJS.ReadableStream } {
  return spawn(process.execPath, [...args], { stdio: ['ignore', 'pipe', 'ignore'] })
}

function publicKey(data: string, host: string): string {
  mkdirSync(data, { recursive: true })
  const args = ['dist/agent.mjs', 'identity', '--data', data, '--id', `default.home.${host}`, '--json']
  return (JSON.parse(execFileSync(process.execPath, args).toString()) as { nkey: string }).nkey
}

async function startAgent(data: string, host: string, port: number, ring: object): Promise<FleetAgent> {
  const config = join(data, 'agent.json')
  const broker = [`nats://127.0.0.1:${port}`]
  const carbon = { host: '127.0.0.1', port: 0, fourFields: false }
  const rest = { defaultSensors: false, uplink: [], heartbeatIntervalMs, log: 'error' }
  writeFileSync(config, JSON.stringify({ host, data, broker, carbon, ring, ...rest }))
  const child = start([...profileArgs(host), 'dist/agent.mjs', 'run', '--config', config, '--json'])
  const ready = JSON.parse(await firstLine(child.stdout)) as { carbon: string; pid: number }
  const [address = '', carbonPort = ''] = ready.carbon.split(':')
  const socket = connect(Number(carbonPort), address)
  await once(socket, 'connect')
  return { host, pid: ready.pid, socket, child }
}

/** `BENCH_PROFILE=FOLDER` has every agent leave a CPU profile there. */
function profileArgs(host: string): string[] {
  const folder = process.env['BENCH_PROFILE']
  return folder === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', folder, '--cpu-prof-name', `${host}.cpuprofile`]
}
