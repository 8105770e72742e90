/**
 * Two ways to ask a mount for its size. In this process it takes one of the four threads that also serve DNS and files, for as
 * long as the mount cares to answer; in a child process it takes that child, and nothing else can hang with it.
 */
import { spawn } from 'node:child_process'
import { statfs } from 'node:fs/promises'

/** What statfs(2) says, in bytes and inodes. */
export interface FilesystemSize {
  readonly totalBytes: number
  /** Free, the share reserved for root included. */
  readonly freeBytes: number
  /** What an unprivileged program can still write. */
  readonly availableBytes: number
  /** 0 where the filesystem has no fixed number of inodes. */
  readonly inodes: number
  readonly inodesFree: number
}

/** An answer under way. */
export interface StatfsCall {
  /** Settles when the mount has answered, which may be never. */
  readonly answer: Promise<FilesystemSize>
  /** Gives up what can be given up; the answer may still not settle. Idempotent. */
  abandon(): void
}

export interface StatfsWays {
  /** Through a thread of this process. */
  inProcess(point: string): StatfsCall
  /** Through coreutils' or busybox's `stat -f`. */
  inChild(point: string): StatfsCall
}

export const statfsWays: StatfsWays = {
  inProcess: (point) => ({ answer: askThread(point), abandon: () => {} }),
  inChild: askChild,
}

async function askThread(point: string): Promise<FilesystemSize> {
  const { bsize, blocks, bfree, bavail, files, ffree } = await statfs(point)
  return sizeOf([bsize, blocks, bfree, bavail, files, ffree])
}

function askChild(point: string): StatfsCall {
  const child = spawn('stat', ['-f', '-c', '%S %b %f %a %c %d', point], {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', LANG: 'C' },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  child.unref()
  let output = ''
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    output = (output + text).slice(0, 256)
  })
  const answer = new Promise<FilesystemSize>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      const fields = output.trim().split(' ').map(Number)
      if (code === 0 && fields.length === 6 && fields.every(Number.isFinite)) resolve(sizeOf(fields))
      else reject(new Error(`stat -f ${point} ended with ${code}`))
    })
  })
  return { answer, abandon: () => void child.kill('SIGKILL') }
}

/** From block size, blocks, free blocks, available blocks, inodes, free inodes. */
function sizeOf([
  block = 0,
  blocks = 0,
  free = 0,
  available = 0,
  inodes = 0,
  inodesFree = 0,
]: number[]): FilesystemSize {
  return {
    totalBytes: blocks * block,
    freeBytes: free * block,
    availableBytes: available * block,
    inodes,
    inodesFree,
  }
}
