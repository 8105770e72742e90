/** The receivers of subscriptions for real, each in a folder of its own on ports of its own: Debian's programs. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { anyFreePort } from '#controller/up/free-port.ts'
import { until } from '../e2e/workspace.ts'

/** Longest wait for one to come up, ms: VictoriaMetrics takes about a second, carbon-cache two. */
const startMsMax = 30_000

/** A program that listens; killed and its folder removed on dispose. */
export interface Receiver extends AsyncDisposable {
  readonly folder: string
  /** Ports by what they are for. */
  readonly ports: Readonly<Record<string, number>>
  /** Ends it as a crash would. */
  kill(): Promise<void>
  /** Starts it again on the same folder and ports. */
  restart(): Promise<void>
}

interface Program {
  readonly command: string
  readonly portNames: readonly string[]
  readonly prepare?: (folder: string, ports: Readonly<Record<string, number>>) => Promise<void>
  readonly args: (folder: string, ports: Readonly<Record<string, number>>) => readonly string[]
  readonly env?: (folder: string, ports: Readonly<Record<string, number>>) => Readonly<Record<string, string>>
}

/** HTTP on `http`, Graphite lines on `graphite`; Basic authentication where a password is given. */
export function openVictoriaMetrics(password?: string): Promise<Receiver> {
  return open({
    command: 'victoria-metrics',
    portNames: ['http', 'graphite'],
    args: (folder, { http, graphite }) => [
      `-storageDataPath=${join(folder, 'data')}`,
      `-httpListenAddr=127.0.0.1:${http}`,
      `-graphiteListenAddr=127.0.0.1:${graphite}`,
      '-search.latencyOffset=0s',
      ...(password === undefined ? [] : ['-httpAuth.username=writer', `-httpAuth.password=${password}`]),
    ],
  })
}

/** HTTP on `http`, with users. */
export function openInflux(): Promise<Receiver> {
  return open({
    command: 'influxd',
    portNames: ['http', 'rpc'],
    args: () => [],
    env: (folder, { http, rpc }) => ({
      HOME: folder,
      INFLUXDB_REPORTING_DISABLED: 'true',
      INFLUXDB_BIND_ADDRESS: `127.0.0.1:${rpc}`,
      INFLUXDB_META_DIR: join(folder, 'meta'),
      INFLUXDB_DATA_DIR: join(folder, 'data'),
      INFLUXDB_DATA_WAL_DIR: join(folder, 'wal'),
      INFLUXDB_HTTP_BIND_ADDRESS: `127.0.0.1:${http}`,
      INFLUXDB_HTTP_AUTH_ENABLED: 'true',
    }),
  })
}

/** Lines on `lines`; whisper files, a point a second for an hour, in `folder`/whisper. */
export function openCarbonCache(): Promise<Receiver> {
  return open({
    command: 'carbon-cache',
    portNames: ['lines', 'pickle', 'query'],
    prepare: async (folder, { lines, pickle, query }) => {
      for (const name of ['whisper', 'log', 'run']) await mkdir(join(folder, name))
      await writeFile(
        join(folder, 'carbon.conf'),
        `[cache]
STORAGE_DIR = ${folder}
LOCAL_DATA_DIR = ${folder}/whisper
LOG_DIR = ${folder}/log
PID_DIR = ${folder}/run
USER =
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = ${lines}
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = ${pickle}
CACHE_QUERY_INTERFACE = 127.0.0.1
CACHE_QUERY_PORT = ${query}
MAX_CREATES_PER_MINUTE = inf
MAX_UPDATES_PER_SECOND = inf
ENABLE_TAGS = False
`,
      )
      await writeFile(join(folder, 'storage-schemas.conf'), '[all]\npattern = .*\nretentions = 1s:1h\n')
    },
    args: (folder) => [`--config=${join(folder, 'carbon.conf')}`, '--nodaemon', 'start'],
  })
}

/** The points of a whisper file, by second. */
export async function whisperPoints(file: string, fromMs: number): Promise<Record<number, number>> {
  const from = String(Math.floor(fromMs / 1000) - 1)
  const { stdout } = await promisify(execFile)('whisper-fetch', [`--from=${from}`, '--drop=nulls', file])
  const points = stdout.split('\n').flatMap((line) => {
    const [second, value] = line.split('\t')
    return value === undefined ? [] : [[Number(second), Number(value)] as const]
  })
  return Object.fromEntries(points)
}

async function open(program: Program): Promise<Receiver> {
  const folder = await mkdtemp(join(tmpdir(), `lanista-${program.command}-`))
  const ports: Record<string, number> = {}
  for (const name of program.portNames) ports[name] = await anyFreePort('127.0.0.1', name)
  await program.prepare?.(folder, ports)
  let child = await start(program, folder, ports)
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  return {
    folder,
    ports,
    kill,
    restart: async () => {
      child = await start(program, folder, ports)
    },
    [Symbol.asyncDispose]: async () => {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function start(
  { command, portNames, args, env }: Program,
  folder: string,
  ports: Readonly<Record<string, number>>,
): Promise<ChildProcess> {
  const child = spawn(command, [...args(folder, ports)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: `${process.env['PATH']}:/usr/sbin`, ...env?.(folder, ports) },
  })
  let said = ''
  child.stderr.on('data', (piece: Buffer) => {
    said = (said + piece.toString()).slice(-2000)
  })
  child.on('error', (error) => {
    said = error.message
  })
  const listens = async (): Promise<boolean> => {
    if (child.pid === undefined || child.exitCode !== null)
      throw new Error(`${command} does not run (scripts/setup-test-host.sh installs it): ${said}`)
    return isOpen(ports[portNames[0] ?? ''] ?? 0)
  }
  try {
    await until(listens, `${command} that listens`, startMsMax)
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return child
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
