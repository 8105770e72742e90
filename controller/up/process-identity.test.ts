import { spawn } from 'node:child_process'
import { once } from 'node:events'
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
