/** Whether the NFS server behind a mount answers, asked over a connection of our own: the mount itself is never touched. */
import { createConnection } from 'node:net'
import * as z from 'zod/mini'
import { type Mount, parseMountinfo } from './mountinfo.ts'
import { encodeNullCall, isNullReply, rpcReplyBytesMax } from './nfs-rpc.ts'
import { ProcFile } from './proc-file.ts'
import { type Outcome, parseParameters, type Sensor } from './sensor.ts'
import { tagValue } from './tag-value.ts'

export interface NfsParameters {
  /** Mount point of the NFS mount. Required, by this or the seed's name `nfs_root`. */
  readonly path?: string | undefined
  readonly nfs_root?: string | undefined
  /** Patience with the server, ms. Default 1,000. */
  readonly timeoutMs?: number | undefined
}

const absolute = z.string().check(z.regex(/^\//, 'an absolute path'))
const schema: z.ZodMiniType<NfsParameters> = z
  .strictObject({
    path: z.optional(absolute),
    nfs_root: z.optional(absolute),
    timeoutMs: z.optional(z.int().check(z.gte(1), z.lte(60_000))),
  })
  .check(z.refine((given) => (given.path ?? given.nfs_root) !== undefined, { error: 'path', path: ['path'] }))

const tags = ['mount']

/** `nfs.*`. */
export const nfsSensor: Sensor<NfsParameters> = {
  name: 'nfs',
  metrics: [
    { name: 'nfs.available', unit: 'boolean', kind: 'gauge', tags, meaning: '1 = the server of this mount answers' },
    {
      name: 'nfs.response_time',
      unit: 'milliseconds',
      kind: 'gauge',
      tags,
      meaning: 'connect and NULL call; absent without answer',
    },
  ],
  privileges: 'none; some servers answer only callers whose port is below 1024 or whose address they export to',
  parse: (parameters) => parseParameters('nfs', schema, parameters),
  open(parameters, deps) {
    const table = new ProcFile(`${deps.root}/proc/self/mountinfo`)
    const point = parameters.path ?? parameters.nfs_root ?? '/'
    return {
      read: async (signal): Promise<Outcome> => {
        const server = serverOf(parseMountinfo(table.read() ?? ''), point)
        if (!server) return { unavailable: `no NFS mount at ${point}` }
        const elapsedMs = await callMs(server, parameters.timeoutMs ?? 1000, signal)
        signal.throwIfAborted()
        return nfsReadings(point, elapsedMs)
      },
      close: () => table.close(),
    }
  },
}

/** Where and how to ask a mount's server. */
export interface NfsServer {
  readonly address: string
  readonly port: number
  /** Protocol version of the mount, 2 to 4. */
  readonly version: number
}

/** The server of the NFS mount at exactly this point, by what the kernel uses itself: `addr`, `port` and `vers`. */
export function serverOf(mounts: readonly Mount[], point: string): NfsServer | undefined {
  const mount = mounts.findLast((one) => one.point === point && /^nfs4?$/.test(one.type))
  if (!mount) return undefined
  const option = (name: string): string | undefined =>
    mount.options.find((text) => text.startsWith(`${name}=`))?.slice(name.length + 1)
  const named = /^\[?(.*?)\]?:\//.exec(mount.source)?.[1]
  const address = option('addr') ?? named
  if (address === undefined) return undefined
  const version = Number.parseInt(option('vers') ?? (mount.type === 'nfs4' ? '4' : '3'), 10)
  return { address, port: Number(option('port') ?? 0) || 2049, version }
}

function nfsReadings(point: string, elapsedMs: number | undefined): Outcome {
  const tags = { mount: tagValue(point) }
  const available = { name: 'nfs.available', tags, value: elapsedMs === undefined ? 0 : 1, unit: 'boolean' }
  if (elapsedMs === undefined) return [available]
  return [available, { name: 'nfs.response_time', tags, value: elapsedMs, unit: 'milliseconds' }]
}

/** Milliseconds until the server's reply; undefined when there is none in time, or none of this protocol. */
function callMs(server: NfsServer, timeoutMs: number, signal: AbortSignal): Promise<number | undefined> {
  return new Promise((resolve) => {
    const startedMs = performance.now()
    const xid = Math.floor(Math.random() * 2 ** 32)
    const socket = createConnection({ host: server.address, port: server.port })
    const end = (answer: number | undefined): void => {
      clearTimeout(patience)
      signal.removeEventListener('abort', giveUp)
      socket.destroy()
      resolve(answer)
    }
    const giveUp = (): void => end(undefined)
    const patience = setTimeout(giveUp, timeoutMs)
    let received = Buffer.alloc(0)
    socket.once('connect', () => socket.write(encodeNullCall(xid, server.version)))
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes])
      const verdict = received.length > rpcReplyBytesMax ? false : isNullReply(received, xid)
      if (verdict !== 'more') end(verdict ? performance.now() - startedMs : undefined)
    })
    socket.once('close', giveUp)
    socket.on('error', giveUp)
    signal.addEventListener('abort', giveUp, { once: true })
  })
}
