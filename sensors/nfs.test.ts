import { createServer, type Server } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { FixtureTree, linesOf, quietSignal } from './fixture-tree.ts'
import { parseMountinfo } from './mountinfo.ts'
import { nfsSensor, serverOf } from './nfs.ts'
import { encodeNullCall, isNullReply } from './nfs-rpc.ts'

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean()
})

/** A server that answers each first packet with what `answer` makes of it. */
async function serve(answer: (call: Buffer) => Buffer | undefined): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (call: Buffer) => {
      const reply = answer(call)
      if (reply) socket.write(reply)
    })
  })
  cleanups.push(() => void server.close())
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
}

async function readAt(port: number): Promise<string[]> {
  const tree = new FixtureTree('vm')
  tree.write(
    'proc/self/mountinfo',
    `31 22 0:60 / /data rw - nfs4 filer:/export rw,vers=4.2,addr=127.0.0.1,port=${port}\n`,
  )
  const sensor = tree.open(nfsSensor, { nfs_root: '/data', timeoutMs: 300 })
  cleanups.push(
    () => tree.remove(),
    () => void sensor.close(),
  )
  return linesOf(await sensor.read(quietSignal()))
}

/** An accepted, successful reply to this call: 24 bytes behind a record mark. */
function accepted(call: Buffer): Buffer {
  const reply = Buffer.alloc(28)
  reply.writeUInt32BE(0x8000_0000 + 24, 0)
  call.copy(reply, 4, 4, 8)
  reply.writeUInt32BE(1, 8)
  return reply
}

describe('the NFS sensor', () => {
  const mounts = parseMountinfo(`31 22 0:60 / /nfs/shared rw - nfs4 filer:/export rw,vers=4.2,addr=192.0.2.7,port=0
32 22 0:61 / /nfs/old ro - nfs filer:/old ro,vers=3,addr=192.0.2.8,port=12049
33 22 0:62 / /nfs/six ro - nfs4 [2001:db8::1]:/six ro
34 22 8:1 / /data rw - ext4 /dev/sda rw`)

  it.each([
    ['/nfs/shared', { address: '192.0.2.7', port: 2049, version: 4 }],
    ['/nfs/old', { address: '192.0.2.8', port: 12049, version: 3 }],
    ['/nfs/six', { address: '2001:db8::1', port: 2049, version: 4 }],
    ['/data', undefined],
    ['/nfs', undefined],
  ])('finds the server of %s', (point, server) => {
    expect(serverOf(mounts, point)).toEqual(server)
  })

  it('writes the NULL call of RFC 5531 byte by byte', () => {
    expect(encodeNullCall(0x01020304, 4).toString('hex')).toBe(
      ['80000028', '01020304', '00000000', '00000002', '000186a3', '00000004', '00000000'.repeat(5)].join(''),
    )
  })

  it('knows a reply to its call, and waits for enough of it', () => {
    const reply = accepted(encodeNullCall(7, 3))
    expect(isNullReply(reply, 7)).toBe(true)
    expect(isNullReply(reply, 8)).toBe(false)
    expect(isNullReply(reply.subarray(0, 11), 7)).toBe('more')
  })

  it('says 1 and how long it took when the server answers', async () => {
    const lines = await readAt(await serve(accepted))
    expect(lines[0]).toBe('nfs.available;mount=/data 1 boolean')
    expect(lines[1]).toContain('nfs.response_time;mount=/data')
  })

  it.each([
    ['is silent', () => undefined],
    ['speaks another protocol', () => Buffer.from('HTTP/1.1 400 Bad Request\r\n')],
  ])('says 0 when whoever listens there %s', async (_, answer) => {
    expect(await readAt(await serve(answer))).toEqual(['nfs.available;mount=/data 0 boolean'])
  })

  it('is not available where there is no such mount, and must be told which', async () => {
    const tree = new FixtureTree('big')
    cleanups.push(() => tree.remove())
    const sensor = tree.open(nfsSensor, { path: '/data' })
    cleanups.push(() => void sensor.close())
    expect(await sensor.read(quietSignal())).toEqual({ unavailable: 'no NFS mount at /data' })
    expect(() => nfsSensor.parse({})).toThrow(/sensor nfs at path: found nothing/)
  })
})
