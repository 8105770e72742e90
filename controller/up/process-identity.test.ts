import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { identifyProcess, isRunning, signalProcess } from './process-identity.ts'

test('a running process is itself, and not one that had its pid before', () => {
  const self = identifyProcess(process.pid)
  expect(self && isRunning(self)).toBe(true)
  expect(isRunning({ pid: process.pid, started: 'another boot/1' })).toBe(false)
})

test('a signal reaches that very process, and nobody once it has ended', async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  await once(child, 'spawn')
  const identity = identifyProcess(child.pid ?? -1)
  expect(identity && signalProcess({ ...identity, started: 'other' }, 'SIGKILL')).toBe(false)
  expect(identity && signalProcess(identity, 'SIGKILL')).toBe(true)
  await once(child, 'exit')
  expect(identity && signalProcess(identity, 'SIGKILL')).toBe(false)
})

test.runIf(process.platform === 'linux').each([
  ['R', ['7'], true],
  ['Z', ['7'], false],
  // its first thread has ended, another holds its ports still
  ['Z', ['7', '8'], true],
  ['X', ['7'], false],
])('in state %s with the threads %j it counts as running: %s', async (state, threads, isThere) => {
  const procfs = await mkdtemp(join(tmpdir(), 'lanista-proc-'))
  try {
    for (const thread of threads) await mkdir(join(procfs, '7', 'task', thread), { recursive: true })
    await mkdir(join(procfs, 'sys/kernel/random'), { recursive: true })
    await writeFile(join(procfs, 'sys/kernel/random/boot_id'), 'boot\n')
    const fields = Array.from({ length: 49 }, (_, i) => i + 4)
    await writeFile(join(procfs, '7', 'stat'), `7 (a (b) c) ${state} ${fields.join(' ')}\n`)
    expect(identifyProcess(7, procfs)).toEqual(isThere ? { pid: 7, started: 'boot/22' } : undefined)
  } finally {
    await rm(procfs, { recursive: true })
  }
})
